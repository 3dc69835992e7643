# Prometheus, for the mesh of this Nomad: Consul tells it where the jobs and the proxies are, because it is the job `prometheus` (setup.sh), and it reads the figures of
# Nomad, Vault and Consul's server beside them.
#
# Its rules are those of monitoring/.
#
#   nomad job run -var prometheus=… -var rules=… -var nomad=… -var vault=… -var consul=… prometheus.nomad.hcl

variable "prometheus" {
  type        = string
  description = "The path of Prometheus"
}

variable "rules" {
  type        = string
  description = "The directory of the rules, monitoring/rules"
}

variable "nomad" {
  type        = string
  description = "HOST:PORT of Nomad's agents, servers and clients, as this job's network reaches them; with commas between them"
}

variable "vault" {
  type        = string
  description = "HOST:PORT of Vault, as this job's network reaches it; its listener there shows figures without a token (monitoring/)"
}

variable "consul" {
  type        = string
  description = "HOST:PORT of Consul's server, as this job's network reaches it"
}

variable "scrape_interval" {
  type        = string
  description = "How often everybody is read"
  default     = "15s"
}

job "prometheus" {
  group "prometheus" {
    count = 1

    network {
      mode = "bridge"
      port "http" {
        to = 9090
      }
    }

    # The figures of the last weeks stay on this machine.
    ephemeral_disk {
      size    = 1000
      sticky  = true
      migrate = true
    }

    restart {
      attempts = 10
      interval = "5m"
      delay    = "1s"
      mode     = "delay"
    }

    update {
      # It has one directory, so the old one ends before the new one starts.
      max_parallel      = 1
      min_healthy_time  = "5s"
      healthy_deadline  = "2m"
      progress_deadline = "5m"
      auto_revert       = true
    }

    service {
      # Of Nomad, not of the mesh: it reads what every proxy shows, and no proxy stands in front of it.
      provider = "nomad"
      name     = "prometheus"
      port     = "http"

      check {
        name     = "Prometheus is ready"
        type     = "http"
        path     = "/-/ready"
        interval = "5s"
        timeout  = "2s"
      }
    }

    task "prometheus" {
      driver = "raw_exec"

      # Who it is to Consul: one that may look services up.
      consul {}

      # Prometheus reads these again by itself, whenever a job came or went.
      template {
        destination = "${NOMAD_TASK_DIR}/targets/programs.yml"
        change_mode = "noop"
        data        = <<-END
        {{ range $name := parseJSON `["api", "ledger"]` }}{{ range service (printf "%s|any" $name) }}
        - targets: ["{{ .ServiceMeta.metrics }}"]
          labels: { job: "{{ .Name }}" }
        {{ end }}{{ end }}
        END
      }

      template {
        destination = "${NOMAD_TASK_DIR}/targets/envoy.yml"
        change_mode = "noop"
        data        = <<-END
        {{ range $name := parseJSON `["gateway", "api", "redis", "ledger", "mint", "pci-gateway"]` }}{{ range service (printf "%s|any" $name) }}
        - targets: ["{{ .ServiceMeta.envoy_metrics }}"]
          labels: { proxy: "{{ .Name }}" }
        {{ end }}{{ end }}
        END
      }

      template {
        destination = "${NOMAD_TASK_DIR}/targets/autoscaler.yml"
        change_mode = "noop"
        data        = <<-END
        {{ range nomadService "autoscaler" }}
        - targets: ["{{ .Address }}:{{ .Port }}"]
        {{ end }}
        END
      }

      template {
        destination = "${NOMAD_TASK_DIR}/prometheus.yml"
        change_mode = "restart"
        data        = <<-END
        global:
          scrape_interval: ${var.scrape_interval}
          evaluation_interval: ${var.scrape_interval}
        rule_files: ["${var.rules}/recording.yml", "${var.rules}/alerts.yml", "${var.rules}/jobs.yml"]
        scrape_configs:
          - job_name: program
            file_sd_configs: [{ files: [targets/programs.yml] }]
          - job_name: envoy
            file_sd_configs: [{ files: [targets/envoy.yml] }]
            metric_relabel_configs:
              # As in monitoring/prometheus.yml: a reason is a label.
              - source_labels: [__name__]
                regex: coin_gate_refused_(.+)
                target_label: reason
              - source_labels: [__name__]
                regex: coin_gate_refused_.+
                target_label: __name__
                replacement: coin_gate_refused
          - job_name: nomad
            metrics_path: /v1/metrics
            params: { format: [prometheus] }
            static_configs: [{ targets: ${jsonencode(split(",", var.nomad))} }]
          - job_name: autoscaler
            metrics_path: /v1/metrics
            params: { format: [prometheus] }
            file_sd_configs: [{ files: [targets/autoscaler.yml] }]
          - job_name: consul
            metrics_path: /v1/agent/metrics
            params: { format: [prometheus] }
            # Who this job is to Consul.
            authorization: { credentials_file: {{ env "NOMAD_SECRETS_DIR" }}/consul_token }
            static_configs: [{ targets: ["${var.consul}"] }]
          - job_name: vault
            metrics_path: /v1/sys/metrics
            params: { format: [prometheus] }
            static_configs: [{ targets: ["${var.vault}"] }]
        END
      }

      config {
        command = var.prometheus
        args = [
          "--config.file", "${NOMAD_TASK_DIR}/prometheus.yml", "--storage.tsdb.path", "${NOMAD_ALLOC_DIR}/data/prometheus",
          "--storage.tsdb.retention.time", "30d", "--web.listen-address", "0.0.0.0:9090",
        ]
      }

      kill_timeout = "20s"

      resources {
        cpu    = 100
        memory = 256
      }
    }
  }
}
