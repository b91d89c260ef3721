{{/*
Where secrets come from. Each is a file in a folder of its own group, so that a pod has only those it needs, and the
ConfigMap names files and holds no secret:
  /etc/plexgate-secrets    tokens, pepper, URL of the database
  /etc/plexgate-redis      password or URL of Redis
  /etc/plexgate-redis-tls  certificates for Redis
  /etc/plexgate-keys       a file of keys
*/}}

{{- define "plexgate.gateSecretName" -}}
{{- default (include "plexgate.fullname" .) .Values.secrets.existingSecret -}}
{{- end -}}

{{- define "plexgate.keyServiceSecretName" -}}
{{- if .Values.keyService.existingSecret -}}{{ .Values.keyService.existingSecret }}
{{- else if .Values.secrets.existingSecret -}}{{ .Values.secrets.existingSecret }}
{{- else -}}{{ include "plexgate.keyServiceName" . }}
{{- end -}}
{{- end -}}

{{/* Whether the gate asks a key service: not where it has a file of keys. */}}
{{- define "plexgate.asksKeyService" -}}
{{- if not .Values.keys.file.existingSecret }}true{{ end -}}
{{- end -}}

{{- define "plexgate.hasRedis" -}}
{{- with .Values.externalRedis -}}
{{- if or .url .urlKey .sentinels .cluster }}true{{ end -}}
{{- end -}}
{{- end -}}

{{/* Key of the Secret with what Redis wants to know: the whole URL, the password, or nothing. */}}
{{- define "plexgate.redisSecretKey" -}}
{{- with .Values.externalRedis -}}
{{- if .urlKey -}}{{ .urlKey }}
{{- else if .existingSecret -}}{{ .passwordKey }}
{{- else if .password -}}redis-password
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "plexgate.redisSecretName" -}}
{{- default (printf "%s-redis" (include "plexgate.fullname" .)) .Values.externalRedis.existingSecret -}}
{{- end -}}

{{/* The key of `secrets` that holds the token of the admin port, or nothing. */}}
{{- define "plexgate.adminPortTokenKey" -}}
{{- if .Values.secrets.existingSecret -}}{{ .Values.secrets.adminPortTokenKey }}
{{- else if .Values.secrets.adminPortToken -}}admin-port-token
{{- end -}}
{{- end -}}

{{/* Keys of the Secret that the gate reads, as a JSON list. */}}
{{- define "plexgate.gateSecretKeys" -}}
{{- $keys := list -}}
{{- if include "plexgate.asksKeyService" . }}{{- $keys = append $keys .Values.secrets.serviceTokenKey }}{{ end -}}
{{- with include "plexgate.adminPortTokenKey" . }}{{- $keys = append $keys . }}{{ end -}}
{{- toJson ($keys | uniq) -}}
{{- end -}}

{{/* Keys of the Secret that the key service reads, as a JSON list. */}}
{{- define "plexgate.keyServiceSecretKeys" -}}
{{- $k := .Values.keyService -}}
{{- $keys := concat (list .Values.secrets.serviceTokenKey) $k.extraServiceTokenKeys (list $k.adminTokenKey) $k.extraAdminTokenKeys -}}
{{- $keys = append $keys $k.database.urlKey -}}
{{- range $name, $key := $k.pepperKeys }}{{- $keys = append $keys $key }}{{ end -}}
{{- toJson ($keys | uniq) -}}
{{- end -}}

{{/* One volume of a Secret: list of the volume's name, the Secret's, and a list of keys. Without its Secret a pod does not start. */}}
{{- define "plexgate.secretVolume" -}}
- name: {{ index . 0 }}
  secret:
    secretName: {{ index . 1 }}
    defaultMode: 292
    optional: false
    items:
      {{- range index . 2 }}
      - key: {{ . }}
        path: {{ . }}
      {{- end }}
{{- end -}}

{{- define "plexgate.redisVolumes" -}}
{{- with include "plexgate.redisSecretKey" . }}
{{ include "plexgate.secretVolume" (list "plexgate-redis" (include "plexgate.redisSecretName" $) (list .)) }}
{{- end }}
{{- with .Values.externalRedis.tls }}
{{- if .existingSecret }}
{{ include "plexgate.secretVolume" (list "plexgate-redis-tls" .existingSecret (compact (list .caKey .certKey .keyKey))) }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "plexgate.redisMounts" -}}
{{- if include "plexgate.redisSecretKey" . }}
- name: plexgate-redis
  mountPath: /etc/plexgate-redis
  readOnly: true
{{- end }}
{{- if .Values.externalRedis.tls.existingSecret }}
- name: plexgate-redis-tls
  mountPath: /etc/plexgate-redis-tls
  readOnly: true
{{- end }}
{{- end -}}
