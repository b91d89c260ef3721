{{/* Parts of the NetworkPolicies. Ports are numbers: names of native sidecars' ports are not known to every network plugin. */}}

{{/* The port of a URL, as a number. */}}
{{- define "plexgate.portOfUrl" -}}
{{- $url := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- if $port }}{{ $port }}{{ else if has $url.scheme (list "https") }}443{{ else if hasPrefix "redis" $url.scheme }}6379{{ else }}80{{ end -}}
{{- end -}}

{{/* One rule: list of `from` or `to`, the peers, and the ports. Without peers it is for all of them. */}}
{{- define "plexgate.networkRule" -}}
- ports:
    {{- range index . 2 }}
    - protocol: TCP
      port: {{ int . }}
    {{- end }}
  {{- with index . 1 }}
  {{ index $ 0 }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "plexgate.dnsRule" -}}
- ports:
    - protocol: UDP
      port: 53
    - protocol: TCP
      port: 53
  {{- with .Values.networkPolicy.dnsTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "plexgate.metricsRule" -}}
{{- with .Values.networkPolicy.metricsFrom }}
{{ include "plexgate.networkRule" (list "from" . (list $.Values.containerPorts.admin)) }}
{{- end }}
{{- end -}}

{{- define "plexgate.redisRule" -}}
{{- if include "plexgate.hasRedis" . }}
{{- $ports := .Values.networkPolicy.redis.ports -}}
{{- if not $ports -}}
{{- with .Values.externalRedis -}}
{{- if .url }}{{- $ports = list (include "plexgate.portOfUrl" .url) -}}
{{- else -}}
{{- range concat .sentinels .cluster }}{{- $ports = append $ports (regexFind "[0-9]+$" .) }}{{ end -}}
{{- if not .cluster }}{{- $ports = append $ports "6379" }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end }}
{{ include "plexgate.networkRule" (list "to" .Values.networkPolicy.redis.to (uniq $ports)) }}
{{- end }}
{{- end -}}

{{- define "plexgate.upstreamRule" -}}
{{- $ports := .Values.networkPolicy.upstream.ports -}}
{{- if not $ports -}}
{{- range .Values.config.proxy.routes -}}
{{- range kindIs "slice" .upstream | ternary .upstream (list .upstream) -}}
{{- if regexMatch "^https?://" . }}{{- $ports = append $ports (include "plexgate.portOfUrl" .) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with uniq $ports }}
{{ include "plexgate.networkRule" (list "to" $.Values.networkPolicy.upstream.to .) }}
{{- end }}
{{- end -}}

{{/* To the key service: the pods of this release, or those that are elsewhere. */}}
{{- define "plexgate.keyServiceRule" -}}
{{- if include "plexgate.asksKeyService" . }}
{{- if .Values.keys.service.url }}
{{ include "plexgate.networkRule" (list "to" .Values.networkPolicy.keyService.to (list (include "plexgate.portOfUrl" .Values.keys.service.url))) }}
{{- else }}
{{- $peers := list (dict "podSelector" (dict "matchLabels" (include "plexgate.keyServiceLabels" . | fromYaml))) }}
{{ include "plexgate.networkRule" (list "to" $peers (list .Values.containerPorts.keyService)) }}
{{- end }}
{{- end }}
{{- end -}}
