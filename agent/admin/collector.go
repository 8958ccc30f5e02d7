package admin

import "github.com/prometheus/client_golang/prometheus"

// statusCollector makes gauges of one status at each scrape, so that they agree
// with one another and cost nothing in between. It describes nothing: how many
// forwards there are only the status knows.
type statusCollector struct{ m *Metrics }

func (statusCollector) Describe(chan<- *prometheus.Desc) {}

func (c statusCollector) Collect(to chan<- prometheus.Metric) {
	status := c.m.status.Load()
	if status == nil {
		return
	}
	s := (*status)()
	send := func(name, help string, kind prometheus.ValueType, v float64, forward ...string) {
		var labels []string
		if len(forward) > 0 {
			labels = []string{"forward"}
		}
		to <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, labels, nil), kind, v, forward...)
	}
	send("deskbell_storage_bytes", "Bytes of the store in use.", prometheus.GaugeValue, float64(s.Storage.Bytes))
	send("deskbell_storage_max_bytes", "What the store may take up, storage.max_size.", prometheus.GaugeValue, float64(s.Storage.MaxBytes))
	send("deskbell_storage_undelivered_bytes", "About what undelivered events take up of it; the store is full at 85 % of the maximum.", prometheus.GaugeValue, float64(s.Storage.UndeliveredBytes))
	send("deskbell_storage_dropped_total", "Undelivered events given up.", prometheus.CounterValue, float64(s.Storage.Dropped))
	send("deskbell_desk_waiting", "Conversations that wait for a person.", prometheus.GaugeValue, float64(s.Desk.Waiting))
	for _, f := range s.Forward {
		connected := 0.0
		if f.Connected {
			connected = 1
		}
		send("deskbell_forward_connected", "1 while connected to the broker.", prometheus.GaugeValue, connected, f.Name)
		send("deskbell_forward_pending", "Events not acknowledged yet.", prometheus.GaugeValue, float64(f.Pending), f.Name)
	}
}
