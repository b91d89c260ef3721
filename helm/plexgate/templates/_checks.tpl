{{/* Values that contradict each other or leave something out. Each message names the value. The types are the schema's. */}}

{{/* Names of values that this chart has under another name, as a JSON mapping. */}}
{{- define "plexgate.renamed" -}}
{{- dict
  "existingSecret" "secrets.existingSecret"
  "postgresql" "keyService.database"
  "redis" "externalRedis"
  "replicas" "replicaCount"
  "routes" "config.proxy.routes"
  "sidecars" "extraContainers"
  | toJson -}}
{{- end -}}

{{- define "plexgate.checks" -}}
{{- $renamed := include "plexgate.renamed" . | fromJson -}}
{{- range $old, $new := $renamed -}}
{{- if hasKey $.Values $old }}{{ fail (printf "%s is called %s; see \"Upgrades\" in docs/kubernetes.md" $old $new) }}{{ end -}}
{{- end -}}
{{- include "plexgate.checkSource" . -}}
{{- include "plexgate.checkSecrets" . -}}
{{- include "plexgate.checkRedis" . -}}
{{- include "plexgate.checkPods" . -}}
{{- include "plexgate.checkRoutes" . -}}
{{- if .Values.keyService.enabled }}{{ include "plexgate.checkKeyService" . }}{{ end -}}
{{- end -}}

{{- define "plexgate.checkSource" -}}
{{- with .Values -}}
{{- if and (eq .mode "key-service") (not .keyService.enabled) }}{{ fail "keyService.enabled is false, and mode is key-service: there is nothing to run" }}{{ end -}}
{{- if .keys.file.existingSecret -}}
{{- if .keys.service.url }}{{ fail "keys.service.url is found beside keys.file.existingSecret; a gate has one source of keys" }}{{ end -}}
{{- else if not (or .keys.service.url .keyService.enabled) -}}
{{- fail "keys.service.url is missing: say where the key service is, or set keyService.enabled, or keys.file.existingSecret" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "plexgate.checkSecrets" -}}
{{- with .Values.secrets -}}
{{- if .existingSecret -}}
{{- if .serviceToken }}{{ fail "secrets.serviceToken is found beside secrets.existingSecret; give one of the two" }}{{ end -}}
{{- if .adminPortToken }}{{ fail "secrets.adminPortToken is found beside secrets.existingSecret; name its key in secrets.adminPortTokenKey" }}{{ end -}}
{{- else -}}
{{- if .adminPortTokenKey }}{{ fail "secrets.adminPortTokenKey needs secrets.existingSecret" }}{{ end -}}
{{- if and (ne $.Values.mode "key-service") (include "plexgate.asksKeyService" $) (not .serviceToken) -}}
{{- fail "secrets.existingSecret is missing: name the Secret with the service token, or set secrets.serviceToken" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "plexgate.checkKeyService" -}}
{{- $own := eq (include "plexgate.keyServiceSecretName" .) (include "plexgate.keyServiceName" .) -}}
{{- with .Values.keyService -}}
{{- $inline := dict "keyService.database.url" .database.url "keyService.adminToken" .adminToken "keyService.pepper" .pepper -}}
{{- range $name, $value := $inline -}}
{{- if and $own (not $value) -}}
{{- fail (printf "%s is missing: set it, or name a Secret in keyService.existingSecret or secrets.existingSecret" $name) -}}
{{- else if and $value (not $own) -}}
{{- fail (printf "%s is found beside an existing Secret; give one of the two" $name) -}}
{{- end -}}
{{- end -}}
{{- if and $own (not $.Values.secrets.serviceToken) }}{{ fail "secrets.serviceToken is missing, which keyService.enabled needs" }}{{ end -}}
{{- if and $own (or .extraAdminTokenKeys .extraServiceTokenKeys (gt (len .pepperKeys) 1)) -}}
{{- fail "keyService.extraAdminTokenKeys, extraServiceTokenKeys and more than one of pepperKeys need keyService.existingSecret" -}}
{{- end -}}
{{- if not (hasKey .pepperKeys .currentPepper) }}{{ fail (printf "keyService.currentPepper is %s, which keyService.pepperKeys does not have" .currentPepper) }}{{ end -}}
{{- end -}}
{{- end -}}

{{- define "plexgate.checkRedis" -}}
{{- with .Values.externalRedis -}}
{{- $kinds := list -}}
{{- if .url }}{{ $kinds = append $kinds "externalRedis.url" }}{{ end -}}
{{- if .urlKey }}{{ $kinds = append $kinds "externalRedis.urlKey" }}{{ end -}}
{{- if .sentinels }}{{ $kinds = append $kinds "externalRedis.sentinels" }}{{ end -}}
{{- if .cluster }}{{ $kinds = append $kinds "externalRedis.cluster" }}{{ end -}}
{{- if gt (len $kinds) 1 }}{{ fail (printf "%s are found together; give one of them" (join " and " $kinds)) }}{{ end -}}
{{- if and .sentinels (not .name) }}{{ fail "externalRedis.name is missing: what the Sentinels call the master" }}{{ end -}}
{{- if and .name (not .sentinels) }}{{ fail "externalRedis.name needs externalRedis.sentinels" }}{{ end -}}
{{- if and .cluster (not (kindIs "invalid" .database)) }}{{ fail "externalRedis.database is found beside externalRedis.cluster, which has only database 0" }}{{ end -}}
{{- if and (or .urlKey .passwordKey) (not .existingSecret) }}{{ fail "externalRedis.existingSecret is missing, which urlKey and passwordKey need" }}{{ end -}}
{{- if and .existingSecret (not (or .urlKey .passwordKey)) }}{{ fail "externalRedis.existingSecret needs externalRedis.passwordKey or externalRedis.urlKey" }}{{ end -}}
{{- if and .password .existingSecret }}{{ fail "externalRedis.password is found beside externalRedis.existingSecret; give one of the two" }}{{ end -}}
{{- if and .urlKey (or .passwordKey .username) }}{{ fail "externalRedis.urlKey is found beside passwordKey or username; the URL holds both" }}{{ end -}}
{{- if and .username (not (or .password .passwordKey)) }}{{ fail "externalRedis.username needs externalRedis.password or externalRedis.passwordKey" }}{{ end -}}
{{- if and (not $kinds) (or .existingSecret .password .username .tls.enabled .tls.existingSecret) -}}
{{- fail "externalRedis.url is missing: say where Redis is, with url, urlKey, sentinels or cluster" -}}
{{- end -}}
{{- with .tls -}}
{{- if ne (empty .certKey) (empty .keyKey) }}{{ fail "externalRedis.tls.certKey and externalRedis.tls.keyKey go together" }}{{ end -}}
{{- if and .existingSecret (not (or .caKey .certKey)) }}{{ fail "externalRedis.tls.existingSecret needs externalRedis.tls.caKey or externalRedis.tls.certKey" }}{{ end -}}
{{- if and (or .caKey .certKey) (not .existingSecret) }}{{ fail "externalRedis.tls.existingSecret is missing, which caKey and certKey need" }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "plexgate.checkPods" -}}
{{- $least := add .Values.drain.delaySeconds .Values.drain.timeoutSeconds 5 -}}
{{- if lt (int (include "plexgate.graceSeconds" .)) (int $least) -}}
{{- fail (printf "terminationGracePeriodSeconds is less than drain.delaySeconds + drain.timeoutSeconds + 5, which is %d" (int $least)) -}}
{{- end -}}
{{- with .Values.containerPorts -}}
{{- if or (eq (int .traffic) (int .admin)) (eq (int .keyService) (int .admin)) -}}
{{- fail "containerPorts.admin is the port of the traffic or the key service; it needs one of its own" -}}
{{- end -}}
{{- end -}}
{{- with .Values.autoscaling -}}
{{- if .enabled -}}
{{- if gt (int .minReplicas) (int .maxReplicas) }}{{ fail "autoscaling.minReplicas is more than autoscaling.maxReplicas" }}{{ end -}}
{{- if not (or .targetCPUUtilizationPercentage .metrics) }}{{ fail "autoscaling.targetCPUUtilizationPercentage is missing, and there are no autoscaling.metrics" }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if and (eq (toString .Values.sidecar.native) "true") (not (include "plexgate.since" (list . "1.29.0"))) -}}
{{- fail "sidecar.native is true, and native sidecars need Kubernetes 1.29; auto takes what the cluster has" -}}
{{- end -}}
{{- if and .Values.service.trafficDistribution (not (include "plexgate.since" (list . "1.31.0"))) -}}
{{- fail "service.trafficDistribution needs Kubernetes 1.31" -}}
{{- end -}}
{{- if and .Values.topologySpread.matchLabelKeys (not (include "plexgate.since" (list . "1.27.0"))) -}}
{{- fail "topologySpread.matchLabelKeys needs Kubernetes 1.27" -}}
{{- end -}}
{{- end -}}

{{- define "plexgate.checkRoutes" -}}
{{- with .Values -}}
{{- if eq .mode "gateway" -}}
{{- if not .config.proxy.routes }}{{ fail "config.proxy.routes is missing: say what is served, such as [{upstream: http://my-service:80}]" }}{{ end -}}
{{- if and .ingress.enabled (not .ingress.hosts) }}{{ fail "ingress.hosts is missing, which ingress.enabled needs" }}{{ end -}}
{{- if and .httpRoute.enabled (not .httpRoute.parentRefs) }}{{ fail "httpRoute.parentRefs is missing, which httpRoute.enabled needs" }}{{ end -}}
{{- else -}}
{{- range $name, $on := dict "ingress.enabled" .ingress.enabled "httpRoute.enabled" .httpRoute.enabled "autoscaling.enabled" .autoscaling.enabled -}}
{{- if $on }}{{ fail (printf "%s is for mode: gateway" $name) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The named templates of the sidecar begin with these. */}}
{{- define "plexgate.sidecarChecks" -}}
{{- if not . }}{{ fail "the plexgate templates were given no context: is the dependency there and on? They take .Subcharts.plexgate" }}{{ end -}}
{{- if ne .Values.mode "sidecar" }}{{ fail "mode is not sidecar: the pods of other charts need the values of a sidecar" }}{{ end -}}
{{- include "plexgate.checks" . -}}
{{- end -}}
