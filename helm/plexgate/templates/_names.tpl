{{/* Names, labels and images. Every template takes the chart's own context, which for a parent chart is `.Subcharts.plexgate`. */}}

{{- define "plexgate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Short enough for every suffix that follows it. */}}
{{- define "plexgate.fullname" -}}
{{- $name := include "plexgate.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 45 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 45 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 45 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "plexgate.keyServiceName" -}}
{{- include "plexgate.fullname" . }}-key-service
{{- end -}}

{{/* What selects the objects of this release. It never changes: a Deployment's selector cannot. */}}
{{- define "plexgate.releaseLabels" -}}
app.kubernetes.io/name: {{ include "plexgate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "plexgate.gateLabels" -}}
{{ include "plexgate.releaseLabels" . }}
app.kubernetes.io/component: gate
{{- end -}}

{{- define "plexgate.keyServiceLabels" -}}
{{ include "plexgate.releaseLabels" . }}
app.kubernetes.io/component: key-service
{{- end -}}

{{/* `metadata` of an object: list of the context, the name, the component, and a dict of namespace, labels, annotations. */}}
{{- define "plexgate.metadata" -}}
{{- $ := index . 0 -}}
{{- $more := index . 3 -}}
name: {{ index . 1 }}
{{- with $more.namespace }}
namespace: {{ . }}
{{- end }}
labels:
  {{- include "plexgate.releaseLabels" $ | nindent 2 }}
  app.kubernetes.io/component: {{ index . 2 }}
  app.kubernetes.io/version: {{ $.Chart.AppVersion | quote }}
  app.kubernetes.io/managed-by: {{ $.Release.Service }}
  helm.sh/chart: {{ printf "%s-%s" $.Chart.Name $.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
  {{- with merge (dict) ($more.labels | default dict) $.Values.commonLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) ($more.annotations | default dict) $.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "plexgate.image" -}}
{{- $registry := default .Values.image.registry .Values.global.imageRegistry -}}
{{- with $registry }}{{ . }}/{{ end -}}
{{- .Values.image.repository -}}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ default .Chart.AppVersion .Values.image.tag }}{{ end -}}
{{- end -}}

{{/* The items of `imagePullSecrets`, or nothing; also for the pods with a sidecar. */}}
{{- define "plexgate.imagePullSecrets" -}}
{{- $secrets := list -}}
{{- range concat (.Values.global.imagePullSecrets | default list) .Values.image.pullSecrets -}}
{{- $secrets = append $secrets (kindIs "map" . | ternary . (dict "name" .)) -}}
{{- end -}}
{{- with $secrets | uniq }}{{ toYaml . }}{{ end -}}
{{- end -}}

{{- define "plexgate.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "plexgate.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Whether the cluster has version `index . 1` or a later one: "true" or nothing. */}}
{{- define "plexgate.since" -}}
{{- if semverCompare (printf ">=%s-0" (index . 1)) (index . 0).Capabilities.KubeVersion.Version }}true{{ end -}}
{{- end -}}
