# Prometheus, for the jobs of this Nomad: Consul tells it where they are, because it is the job `prometheus` (setup.sh).
#
# Its rules are those of monitoring/. What it does not read from here is in monitoring/prometheus.yml: Consul's and Vault's own figures.
#
#   nomad job run -var prometheus=… -var rules=… -var nomad=… prometheus.nomad.hcl

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
  description = "HOST:PORT of Nomad's server, as this job's network reaches it"
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
        {{ range $name := parseJSON `["api", "ledger"]` }}{{ range service (printf "%s|any" $name) }}
        - targets: ["{{ .ServiceMeta.envoy_metrics }}"]
          labels: { proxy: "{{ .Name }}" }
        {{ end }}{{ end }}
        END
      }

      template {
        destination = "${NOMAD_TASK_DIR}/prometheus.yml"
        change_mode = "restart"
        data        = <<-END
        global:
          scrape_interval: ${var.scrape_interval}
          evaluation_interval: ${var.scrape_interval}
        rule_files: ["${var.rules}/*.yml"]
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
            static_configs: [{ targets: ["${var.nomad}"] }]
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
