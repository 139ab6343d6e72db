{{- define "common.workload" -}}
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}-{{ .Chart.Name }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: {{ .Release.Name }}-{{ .Chart.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}-{{ .Chart.Name }}}}
    spec:
      terminationGracePeriodSeconds: 2
      containers:
        - name: main
          image: {{ .Values.image }}
          args: [netexec, --http-port=8080]
          envFrom: [{configMapRef: {name: {{ .Release.Name }}-{{ .Chart.Name }}}}]
          resources: {limits: {cpu: 100m, memory: 64Mi}}
{{- end -}}
