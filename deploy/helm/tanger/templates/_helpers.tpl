{{/* The name of everything in the release: RELEASE-tanger, or RELEASE where that says tanger. */}}
{{- define "tanger.name" -}}
{{- if contains "tanger" .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-tanger" .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "tanger.selector" -}}
app.kubernetes.io/name: tanger
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "tanger.labels" -}}
{{ include "tanger.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* Whether there can be more than one replica. */}}
{{- define "tanger.several" -}}
{{- if or (gt (int .Values.replicas) 1) (ne .Values.autoscaling.metric "none") -}}true{{- end -}}
{{- end -}}

{{/* A setting's value as text: whole numbers come as floating point, whose text would be 1e+06. */}}
{{- define "tanger.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- end -}}

{{/* Values that the schema cannot refuse. */}}
{{- define "tanger.check" -}}
{{- with .Values -}}
{{- if and .userLexicon.writable (not .userLexicon.volume) -}}
{{- fail "userLexicon.writable needs userLexicon.volume: without one there is no user lexicon to write" -}}
{{- end -}}
{{- if and .userLexicon.writable (include "tanger.several" $) -}}
{{- fail "a writable user lexicon is an SQLite file, which belongs to one machine: with several replicas a correction would be lost or seen by some of them only. Set replicas=1 and autoscaling.metric=none, or userLexicon.writable=false and roll out a new file" -}}
{{- end -}}
{{- if and .userLexicon.writable (not .apiKeys.secret) -}}
{{- fail "userLexicon.writable needs apiKeys.secret: without API keys the service lets nobody change anything" -}}
{{- end -}}
{{- if gt (int .autoscaling.minReplicas) (int .autoscaling.maxReplicas) -}}
{{- fail "autoscaling.minReplicas is above autoscaling.maxReplicas" -}}
{{- end -}}
{{- if and (eq .mode "bulk") (not .bulk.volume) -}}
{{- fail "mode=bulk needs bulk.volume, which holds the list and takes the answers" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What the pods of the service and of a bulk run share, below `spec`. */}}
{{- define "tanger.pod" -}}
automountServiceAccountToken: false
# A Service called tanger would else set TANGER_PORT and more, which are names of settings.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.pod.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.pod.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.pod.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.pod.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.pod.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* What their containers share. */}}
{{- define "tanger.container" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- $resources := deepCopy .Values.resources }}
{{- if .Values.gpu.enabled }}
{{- $limits := merge (dict .Values.gpu.resource (.Values.gpu.count | int)) ($resources.limits | default dict) }}
{{- $resources = set $resources "limits" $limits }}
{{- end }}
resources: {{- toYaml $resources | nindent 2 }}
{{- end -}}
