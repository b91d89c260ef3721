{{/* How a ServiceMonitor or PodMonitor scrapes, from its dict of values. */}}
{{- define "plexgate.scraping" -}}
interval: {{ .interval }}
{{- with .scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- with .relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
The groups of files/alerts, as JSON, with what `prometheusRule.alerts` changes. Where a line of an expression ends with
a comparison, it ends with the alert's threshold, so the files are plain rules that promtool reads.
*/}}
{{- define "plexgate.alertGroups" -}}
{{- $changes := .Values.prometheusRule.alerts -}}
{{- $known := list -}}
{{- $groups := list -}}
{{- range $path, $_ := .Files.Glob "files/alerts/*.yaml" -}}
{{- range ($.Files.Get $path | fromYaml).groups -}}
{{- $rules := list -}}
{{- range .rules -}}
{{- $known = append $known .alert -}}
{{- $change := get $changes .alert | default dict -}}
{{- if ne (toString (get $change "enabled")) "false" -}}
{{- $rule := deepCopy . -}}
{{- $_ := set $rule "annotations" (merge (dict "runbook_url" (printf "%s/%s.md" (trimSuffix "/" $.Values.prometheusRule.runbookUrl) (trimPrefix "Plexgate" .alert | kebabcase))) .annotations) -}}
{{- if hasKey $change "threshold" -}}
{{- $_ := set $rule "expr" (regexReplaceAll "(?m)([<>] )[0-9.]+$" .expr (printf "${1}%s" (toString $change.threshold))) -}}
{{- end -}}
{{- with $change.for }}{{- $_ := set $rule "for" . }}{{ end -}}
{{- with $change.severity }}{{- $_ := set $rule.labels "severity" . }}{{ end -}}
{{- $rules = append $rules $rule -}}
{{- end -}}
{{- end -}}
{{- if $rules }}{{- $groups = append $groups (merge (dict "rules" $rules) .) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- range $name, $_ := $changes -}}
{{- if not (has $name $known) }}{{ fail (printf "prometheusRule.alerts has %s, which is no alert; known are %s" $name (join ", " $known)) }}{{ end -}}
{{- end -}}
{{- concat $groups .Values.prometheusRule.additionalGroups | toJson -}}
{{- end -}}
