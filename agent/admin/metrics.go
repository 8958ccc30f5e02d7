package admin

import (
	"net/http"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"deskbell/agent/event"
)

// Metrics counts for GET /metrics. All methods may be called at once and do not
// block; a nil *Metrics counts nothing.
type Metrics struct {
	registry  *prometheus.Registry
	status    atomic.Pointer[func() Status] // nil until New has bound it
	requests  *prometheus.CounterVec
	accepted  *prometheus.CounterVec
	duplicate prometheus.Counter
	commit    prometheus.Histogram
	acked     *prometheus.CounterVec
	delivery  *prometheus.HistogramVec
	output    prometheus.Histogram

	// The series that are there from the start: to look one up in its vector takes longer than to count.
	code    map[int]prometheus.Counter
	kind    map[event.Kind]prometheus.Counter
	forward map[string]forwardSeries
}

// forwardSeries are what is counted for each delivered event.
type forwardSeries struct {
	acked    prometheus.Counter
	delivery prometheus.Observer
}

// codes are the answers of the webhook that its users know.
func codes() []int { return []int{200, 400, 401, 405, 413, 415, 429, 503} }

// NewMetrics returns metrics on a registry of their own. Each series whose
// labels are known, those of the named forwards too, is there from the start.
func NewMetrics(version string, forwards ...string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: counters("deskbell_webhook_requests_total", "Requests to the webhook's path by answer.", "code"),
		accepted: counters("deskbell_events_accepted_total", "Events that became durable.", "kind"),
		duplicate: prometheus.NewCounter(prometheus.CounterOpts{Name: "deskbell_events_duplicate_total",
			Help: "Events that came again."}),
		// A sync takes 0.3 ms on a good disk and seconds on a tired SD card.
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "deskbell_storage_commit_seconds",
			Help:    "Time of a commit, syncs included.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}),
		acked: counters("deskbell_forward_acked_total", "Events that a broker acknowledged.", "forward"),
		// From a broker on this machine to one that was away for days.
		delivery: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "deskbell_delivery_seconds",
			Help:    "Time from accepting an event to the broker's PUBACK.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30, 300, 3600, 86400}}, []string{"forward"}),
		output: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "deskbell_output_seconds",
			Help:    "Time from accepting an event to setting the pin.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5}}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "deskbell_build_info", Help: "Always 1.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version(), "goarch": runtime.GOARCH}})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.accepted, m.duplicate, m.commit, m.acked, m.delivery, m.output, build,
		statusCollector{m}, collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.code, m.kind, m.forward = map[int]prometheus.Counter{}, map[event.Kind]prometheus.Counter{}, map[string]forwardSeries{}
	for _, code := range codes() {
		m.code[code] = m.requests.WithLabelValues(strconv.Itoa(code))
	}
	for _, kind := range event.Kinds() {
		m.kind[kind] = m.accepted.WithLabelValues(string(kind))
	}
	for _, name := range forwards {
		m.forward[name] = m.seriesOf(name)
	}
	return m
}

func (m *Metrics) seriesOf(forward string) forwardSeries {
	return forwardSeries{m.acked.WithLabelValues(forward), m.delivery.WithLabelValues(forward)}
}

func counters(name, help, label string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
}

// bind makes status the source of the gauges.
func (m *Metrics) bind(status func() Status) {
	if m != nil {
		m.status.Store(&status)
	}
}

// WebhookRequest counts a request to the webhook's path by its answer.
func (m *Metrics) WebhookRequest(code int) {
	if m == nil {
		return
	}
	c, ok := m.code[code]
	if !ok {
		c = m.requests.WithLabelValues(strconv.Itoa(code))
	}
	c.Inc()
}

// Accepted counts an event that became durable.
func (m *Metrics) Accepted(kind event.Kind) {
	if m != nil {
		m.kind[kind].Inc()
	}
}

// Duplicates counts n events that were there already.
func (m *Metrics) Duplicates(n int) {
	if m != nil && n > 0 {
		m.duplicate.Add(float64(n))
	}
}

// Committed takes the time of one commit, syncs included.
func (m *Metrics) Committed(took time.Duration) {
	if m != nil {
		m.commit.Observe(took.Seconds())
	}
}

// Delivered counts an event acknowledged by a forward's broker, took after it
// was accepted.
func (m *Metrics) Delivered(forward string, took time.Duration) {
	if m == nil {
		return
	}
	s, ok := m.forward[forward]
	if !ok {
		s = m.seriesOf(forward)
	}
	s.acked.Inc()
	s.delivery.Observe(took.Seconds())
}

// OutputSet takes the time from accepting an event to setting a pin for it.
func (m *Metrics) OutputSet(took time.Duration) {
	if m != nil {
		m.output.Observe(took.Seconds())
	}
}

// Handler serves the metrics as Prometheus text.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{DisableCompression: true})
}
