{{- define "gradroll.name" -}}
{{ printf "%s-%s" .Release.Name .Values.role | trunc 50 }}
{{- end }}

{{- define "gradroll.selector" -}}
app.kubernetes.io/name: gradroll
app.kubernetes.io/component: {{ .Values.role }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gradroll.labels" -}}
{{ include "gradroll.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "gradroll.port" -}}
{{ eq .Values.role "prover" | ternary 7101 7100 }}
{{- end }}

{{- define "gradroll.replicas" -}}
{{ eq .Values.role "prover" | ternary 1 2 }}
{{- end }}

{{- /* Settings of the pod with a number; what is secret comes by variables. */ -}}
{{- define "gradroll.settings" -}}
{{- $ := index . 0 }}{{- $number := index . 1 -}}
[chain]
chain_id = {{ int64 $.Values.chain.id }}
market = {{ $.Values.chain.market | quote }}
from_block = {{ int64 $.Values.chain.fromBlock }}

[keys]
srs = "/keys/srs.gsrs"
directory = "/keys/keys"

{{ if eq $.Values.role "prover" -}}
[prover]
listen = "0.0.0.0:{{ include "gradroll.port" $ }}"
endpoint = {{ $.Values.prover.endpoint | quote }}
keystore = "/keystore/keys"
state = "/state/state"
committee = {{ $.Values.prover.committee | quote }}
{{- else -}}
[coordinator]
listen = "0.0.0.0:{{ include "gradroll.port" $ }}"
endpoint = {{ index $.Values.coordinator.endpoints $number | quote }}
account = "/secret/account.json"
state = "/state/state"
shared = "/shared"
{{- end }}
{{- if $.Values.tlsSecret }}
tls_certificate = "/secret/tls.crt"
tls_key = "/secret/tls.key"
{{- end }}

{{ if $.Values.monitoring.enabled -}}
[metrics]
listen = "0.0.0.0:9100"
beyond_loopback = true

{{ end -}}
[log]
format = "json"
{{- end }}

{{- /* Variables of the settings that values name: a section of a file may stand there only once. */ -}}
{{- define "gradroll.variables" -}}
{{- range $section, $keys := .Values.settings }}
{{- range $key, $value := $keys }}
- name: {{ printf "GRADROLL_%s_%s" $section $key | upper }}
  value: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
{{- end }}
{{- end }}
{{- range $section, $keys := .Values.secretSettings }}
{{- range $key, $from := $keys }}
- name: {{ printf "GRADROLL_%s_%s" $section $key | upper }}
  valueFrom:
    secretKeyRef: {name: {{ $from.name }}, key: {{ $from.key }}}
{{- end }}
{{- end }}
{{- end }}
