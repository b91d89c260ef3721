{{/* What the containers of gate, sidecar and key service have in common. */}}

{{/* Times of a probe: the context's dict of times, and the path. No host: Pod Security forbids one. */}}
{{- define "plexgate.probe" -}}
httpGet:
  path: {{ index . 1 }}
  port: {{ index . 2 }}
{{- with index . 0 }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "plexgate.probes" -}}
{{- $admin := int .Values.containerPorts.admin -}}
startupProbe:
  {{- include "plexgate.probe" (list .Values.probes.startup "/readyz" $admin) | nindent 2 }}
livenessProbe:
  {{- include "plexgate.probe" (list .Values.probes.liveness "/livez" $admin) | nindent 2 }}
readinessProbe:
  {{- include "plexgate.probe" (list .Values.probes.readiness "/readyz" $admin) | nindent 2 }}
{{- end -}}

{{/* Environment: list of the context, further variables, their sources. */}}
{{- define "plexgate.environment" -}}
{{- $ := index . 0 -}}
env:
  - name: NODE_OPTIONS
    value: {{ $.Values.nodeOptions | quote }}
  - name: UV_THREADPOOL_SIZE
    value: {{ $.Values.uvThreadpoolSize | quote }}
  {{- with index . 1 }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with index . 2 }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "plexgate.imageFields" -}}
image: {{ include "plexgate.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end -}}

{{/* A security context: list of the context, and the values of one. A null does not get through to a dependency's values. */}}
{{- define "plexgate.securityContext" -}}
{{- $given := index . 1 -}}
{{- if (index . 0).Values.clusterPicksUser }}{{- $given = omit $given "runAsUser" "runAsGroup" "fsGroup" }}{{ end -}}
{{- toYaml $given -}}
{{- end -}}

{{- define "plexgate.hardening" -}}
terminationMessagePolicy: FallbackToLogsOnError
securityContext:
  {{- include "plexgate.securityContext" (list . .Values.containerSecurityContext) | nindent 2 }}
{{- end -}}

{{/* A pause before SIGTERM: list of the context and the seconds. The image has no shell, and `sleep` is there from 1.30. */}}
{{- define "plexgate.preStop" -}}
{{- $seconds := int (index . 1) -}}
lifecycle:
  preStop:
    {{- if include "plexgate.since" (list (index . 0) "1.30.0") }}
    sleep:
      seconds: {{ $seconds }}
    {{- else }}
    exec:
      command: [/nodejs/bin/node, -e, 'setTimeout(() => {}, {{ mul 1000 $seconds }})']
    {{- end }}
{{- end -}}

{{/* A container of `helm test` but for what it runs. */}}
{{- define "plexgate.testContainer" -}}
resources:
  requests:
    cpu: 10m
    memory: 64Mi
  limits:
    memory: 128Mi
{{ include "plexgate.hardening" . }}
{{- end -}}

{{/* The gate's container from its image on; its name and what is before it is the caller's. */}}
{{- define "plexgate.gateContainer" -}}
{{ include "plexgate.imageFields" . }}
args: [run, --config, /etc/plexgate/plexgate.yaml]
ports:
  - name: plexgate
    containerPort: {{ .Values.containerPorts.traffic }}
    protocol: TCP
  - name: plexgate-admin
    containerPort: {{ .Values.containerPorts.admin }}
    protocol: TCP
{{ include "plexgate.environment" (list . .Values.extraEnv .Values.extraEnvFrom) }}
{{ include "plexgate.probes" . }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
{{ include "plexgate.hardening" . }}
volumeMounts:
  - name: plexgate-config
    mountPath: /etc/plexgate
    readOnly: true
  {{- if include "plexgate.gateSecretKeys" . | fromJsonArray }}
  - name: plexgate-secrets
    mountPath: /etc/plexgate-secrets
    readOnly: true
  {{- end }}
  {{- include "plexgate.redisMounts" . | trim | nindent 2 | trimSuffix "\n  " }}
  {{- if .Values.keys.file.existingSecret }}
  - name: plexgate-keys
    mountPath: /etc/plexgate-keys
    readOnly: true
  {{- end }}
  - name: plexgate-tmp
    mountPath: /tmp
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "plexgate.tmpVolume" -}}
- name: plexgate-tmp
  emptyDir:
    sizeLimit: {{ .Values.tmp.sizeLimit }}
    {{- with .Values.tmp.medium }}
    medium: {{ . }}
    {{- end }}
{{- end -}}

{{/* The volumes that `plexgate.gateContainer` mounts. */}}
{{- define "plexgate.gateVolumes" -}}
- name: plexgate-config
  configMap:
    name: {{ include "plexgate.fullname" . }}
{{- with include "plexgate.gateSecretKeys" . | fromJsonArray }}
{{ include "plexgate.secretVolume" (list "plexgate-secrets" (include "plexgate.gateSecretName" $) .) }}
{{- end }}
{{- with include "plexgate.redisVolumes" . | trim }}
{{ . }}
{{- end }}
{{- with .Values.keys.file }}
{{- if .existingSecret }}
{{ include "plexgate.secretVolume" (list "plexgate-keys" .existingSecret (list .key)) }}
{{- end }}
{{- end }}
{{ include "plexgate.tmpVolume" . }}
{{- end -}}

{{- define "plexgate.graceSeconds" -}}
{{- $least := add .Values.drain.delaySeconds .Values.drain.timeoutSeconds 5 -}}
{{- if kindIs "invalid" .Values.terminationGracePeriodSeconds -}}
{{- $least -}}
{{- else -}}
{{- int .Values.terminationGracePeriodSeconds -}}
{{- end -}}
{{- end -}}

{{/* What all pods of the chart begin with. */}}
{{- define "plexgate.podFields" -}}
serviceAccountName: {{ include "plexgate.serviceAccountName" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with include "plexgate.imagePullSecrets" . }}
imagePullSecrets:
  {{- . | nindent 2 }}
{{- end }}
securityContext:
  {{- include "plexgate.securityContext" (list . .Values.podSecurityContext) | nindent 2 }}
{{- end -}}

{{/* Where pods run: list of the context, the values (the root's or those of `keyService`), and the labels of the pods. */}}
{{- define "plexgate.scheduling" -}}
{{- $ := index . 0 -}}
{{- $v := index . 1 -}}
{{- $selector := dict "matchLabels" (index . 2 | fromYaml) -}}
{{- with $v.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $v.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $v.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $v.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $constraints := list -}}
{{- range $v.topologySpreadConstraints -}}
{{- $constraints = append $constraints (merge (dict) . (dict "labelSelector" $selector)) -}}
{{- end -}}
{{- if and (not $constraints) $.Values.topologySpread.enabled -}}
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" -}}
{{- $constraint := dict "topologyKey" . "maxSkew" 1 "whenUnsatisfiable" "ScheduleAnyway" "labelSelector" $selector -}}
{{- if $.Values.topologySpread.matchLabelKeys }}{{- $_ := set $constraint "matchLabelKeys" (list "pod-template-hash") }}{{ end -}}
{{- $constraints = append $constraints $constraint -}}
{{- end -}}
{{- end -}}
{{- with $constraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The rules of a PodDisruptionBudget: the dict of `pdb`, and the labels of the pods. */}}
{{- define "plexgate.disruptionBudget" -}}
{{- $pdb := index . 0 -}}
{{- if not (kindIs "invalid" $pdb.minAvailable) }}
minAvailable: {{ $pdb.minAvailable }}
{{- else }}
maxUnavailable: {{ kindIs "invalid" $pdb.maxUnavailable | ternary 1 $pdb.maxUnavailable }}
{{- end }}
{{- with $pdb.unhealthyPodEvictionPolicy }}
unhealthyPodEvictionPolicy: {{ . }}
{{- end }}
selector:
  matchLabels:
    {{- index . 1 | nindent 4 }}
{{- end -}}
