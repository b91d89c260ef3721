{{/*
The gate in the pod of another chart. Each template takes this chart's context: with a dependency called plexgate that
is `.Subcharts.plexgate`. The values of the dependency (`mode: sidecar` and the rest) say how it is set up.
*/}}

{{/* "true" where the sidecar is a native one: an init container that goes on. */}}
{{- define "plexgate.sidecarIsNative" -}}
{{- include "plexgate.sidecarChecks" . -}}
{{- $native := toString .Values.sidecar.native -}}
{{- if eq $native "auto" -}}
{{- include "plexgate.since" (list . "1.29.0") -}}
{{- else if eq $native "true" -}}
true
{{- end -}}
{{- end -}}

{{/* The container as an item of a list: of `initContainers`, the first there, where it is native, else of `containers`. */}}
{{- define "plexgate.sidecar" -}}
{{- include "plexgate.sidecarChecks" . -}}
- name: {{ .Values.sidecar.containerName }}
  {{- if include "plexgate.sidecarIsNative" . }}
  restartPolicy: Always
  {{- else if gt (int .Values.sidecar.preStopSeconds) 0 }}
  {{- include "plexgate.preStop" (list . .Values.sidecar.preStopSeconds) | nindent 2 }}
  {{- end }}
  {{- include "plexgate.gateContainer" . | nindent 2 }}
{{- end -}}

{{/* Items for the pod's `initContainers`: the sidecar where it is native, else nothing. */}}
{{- define "plexgate.sidecarInitContainers" -}}
{{- if include "plexgate.sidecarIsNative" . }}{{ include "plexgate.sidecar" . }}{{ end -}}
{{- end -}}

{{/* Items for the pod's `containers`: the sidecar where it is not native, else nothing. */}}
{{- define "plexgate.sidecarContainers" -}}
{{- if not (include "plexgate.sidecarIsNative" .) }}{{ include "plexgate.sidecar" . }}{{ end -}}
{{- end -}}

{{/* Items for the pod's `volumes`. */}}
{{- define "plexgate.sidecarVolumes" -}}
{{- include "plexgate.sidecarChecks" . -}}
{{ include "plexgate.gateVolumes" . }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels for the pod: PodMonitor and NetworkPolicy go by them. */}}
{{- define "plexgate.sidecarPodLabels" -}}
{{- include "plexgate.sidecarChecks" . -}}
plexgate-sidecar: {{ include "plexgate.fullname" . }}
{{- end -}}

{{/* Annotations for the pod: a change of the configuration replaces it. */}}
{{- define "plexgate.sidecarPodAnnotations" -}}
{{- include "plexgate.sidecarChecks" . -}}
{{- if .Values.config.rolloutOnChange -}}
plexgate/config-checksum: {{ include "plexgate.gateConfig" . | sha256sum }}
{{- end -}}
{{- end -}}

{{/* `terminationGracePeriodSeconds` of the pod, at least. */}}
{{- define "plexgate.sidecarGraceSeconds" -}}
{{- include "plexgate.sidecarChecks" . -}}
{{- $grace := int (include "plexgate.graceSeconds" .) -}}
{{- if include "plexgate.sidecarIsNative" . }}{{ $grace }}{{ else }}{{ add $grace .Values.sidecar.preStopSeconds }}{{ end -}}
{{- end -}}
