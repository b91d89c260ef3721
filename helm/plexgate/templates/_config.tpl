{{/* plexgate.yaml of the gate and of the key service. */}}

{{- define "plexgate.secretFile" -}}
${file:/etc/plexgate-secrets/{{ . }}}
{{- end -}}

{{/* The section `admin`, as JSON; takes the context and whether there is a token for it. */}}
{{- define "plexgate.adminSection" -}}
{{- $ := index . 0 -}}
{{- $admin := dict "host" $.Values.config.listenHost "port" (int $.Values.containerPorts.admin) -}}
{{- with index . 1 }}{{- $_ := set $admin "token" (include "plexgate.secretFile" .) }}{{ end -}}
{{- toJson $admin -}}
{{- end -}}

{{/* The section `redis`, as JSON. */}}
{{- define "plexgate.redisSection" -}}
{{- $r := .Values.externalRedis -}}
{{- $redis := dict "protocol" (int $r.protocol) -}}
{{- $key := include "plexgate.redisSecretKey" . -}}
{{- if $r.urlKey -}}
{{- $_ := set $redis "url" (printf "${file:/etc/plexgate-redis/%s}" $key) -}}
{{- else -}}
{{- if $r.url }}{{- $_ := set $redis "url" $r.url }}{{ end -}}
{{- if $r.sentinels }}{{- $_ := set $redis "sentinels" $r.sentinels }}{{- $_ := set $redis "name" $r.name }}{{ end -}}
{{- if $r.cluster }}{{- $_ := set $redis "cluster" $r.cluster }}{{ end -}}
{{- if $key }}{{- $_ := set $redis "password" (printf "${file:/etc/plexgate-redis/%s}" $key) }}{{ end -}}
{{- end -}}
{{- if $r.username }}{{- $_ := set $redis "username" $r.username }}{{ end -}}
{{- if not (kindIs "invalid" $r.database) }}{{- $_ := set $redis "database" (int $r.database) }}{{ end -}}
{{- if $r.tls.existingSecret -}}
{{- $tls := dict -}}
{{- if $r.tls.caKey }}{{- $_ := set $tls "ca" (printf "/etc/plexgate-redis-tls/%s" $r.tls.caKey) }}{{ end -}}
{{- if $r.tls.certKey }}{{- $_ := set $tls "cert" (printf "/etc/plexgate-redis-tls/%s" $r.tls.certKey) }}{{ end -}}
{{- if $r.tls.keyKey }}{{- $_ := set $tls "key" (printf "/etc/plexgate-redis-tls/%s" $r.tls.keyKey) }}{{ end -}}
{{- $_ := set $redis "tls" $tls -}}
{{- else if $r.tls.enabled -}}
{{- $_ := set $redis "tls" true -}}
{{- end -}}
{{- toJson $redis -}}
{{- end -}}

{{- define "plexgate.keyServiceUrl" -}}
{{- if .Values.keys.service.url -}}
{{- .Values.keys.service.url -}}
{{- else -}}
http://{{ include "plexgate.keyServiceName" . }}:{{ .Values.containerPorts.keyService }}
{{- end -}}
{{- end -}}

{{/* The routes, as JSON. A sidecar has one by default, to the service in its pod. */}}
{{- define "plexgate.routes" -}}
{{- $routes := .Values.config.proxy.routes | default list -}}
{{- if and (not $routes) (eq .Values.mode "sidecar") -}}
{{- $upstream := printf "http://127.0.0.1:%d" (int .Values.sidecar.upstreamPort) -}}
{{- $routes = list (dict "profile" .Values.sidecar.profile "upstream" $upstream) -}}
{{- end -}}
{{- toJson $routes -}}
{{- end -}}

{{/* plexgate.yaml of the gate. */}}
{{- define "plexgate.gateConfig" -}}
{{- $proxy := deepCopy .Values.config.proxy -}}
{{- $keys := $proxy.keys | default dict -}}
{{- if include "plexgate.asksKeyService" . -}}
{{- $token := include "plexgate.secretFile" .Values.secrets.serviceTokenKey -}}
{{- $_ := set $keys "service" (dict "url" (include "plexgate.keyServiceUrl" .) "token" $token) -}}
{{- else -}}
{{- $_ := set $keys "file" (printf "/etc/plexgate-keys/%s" .Values.keys.file.key) -}}
{{- end -}}
{{- $_ := set $proxy "keys" $keys -}}
{{- $_ := set $proxy "host" .Values.config.listenHost -}}
{{- $_ := set $proxy "port" (int .Values.containerPorts.traffic) -}}
{{- $delay := printf "%ds" (int .Values.drain.delaySeconds) -}}
{{- $timeout := printf "%ds" (int .Values.drain.timeoutSeconds) -}}
{{- $_ := set $proxy "drain" (dict "delay" $delay "timeout" $timeout) -}}
{{- $_ := set $proxy "routes" (include "plexgate.routes" . | fromJsonArray) -}}
{{- $file := dict "proxy" $proxy "log" (dict "level" .Values.config.logLevel) -}}
{{- $_ := set $file "admin" (include "plexgate.adminSection" (list . (include "plexgate.adminPortTokenKey" .)) | fromJson) -}}
{{- if include "plexgate.hasRedis" . }}{{- $_ := set $file "redis" (include "plexgate.redisSection" . | fromJson) }}{{ end -}}
{{- with .Values.config.tracing }}{{- $_ := set $file "tracing" . }}{{ end -}}
{{- toYaml $file -}}
{{- end -}}

{{/* plexgate.yaml of the key service. */}}
{{- define "plexgate.keyServiceConfig" -}}
{{- $k := .Values.keyService -}}
{{- $serviceTokens := list -}}
{{- range concat (list .Values.secrets.serviceTokenKey) $k.extraServiceTokenKeys -}}
{{- $serviceTokens = append $serviceTokens (include "plexgate.secretFile" .) -}}
{{- end -}}
{{- $adminTokens := list -}}
{{- range concat (list $k.adminTokenKey) $k.extraAdminTokenKeys -}}
{{- $adminTokens = append $adminTokens (include "plexgate.secretFile" .) -}}
{{- end -}}
{{- $peppers := dict "current" $k.currentPepper -}}
{{- range $name, $key := $k.pepperKeys }}{{- $_ := set $peppers $name (include "plexgate.secretFile" $key) }}{{ end -}}
{{- $service := dict "host" .Values.config.listenHost "port" (int .Values.containerPorts.keyService) -}}
{{- $_ := set $service "store" (include "plexgate.secretFile" $k.database.urlKey) -}}
{{- $_ := set $service "serviceToken" $serviceTokens -}}
{{- $_ := set $service "adminToken" $adminTokens -}}
{{- $_ := set $service "peppers" $peppers -}}
{{- $file := dict "keyService" $service "log" (dict "level" .Values.config.logLevel) -}}
{{- $_ := set $file "admin" (include "plexgate.adminSection" (list . "") | fromJson) -}}
{{- if include "plexgate.hasRedis" . }}{{- $_ := set $file "redis" (include "plexgate.redisSection" . | fromJson) }}{{ end -}}
{{- with .Values.config.tracing }}{{- $_ := set $file "tracing" . }}{{ end -}}
{{- toYaml $file -}}
{{- end -}}
