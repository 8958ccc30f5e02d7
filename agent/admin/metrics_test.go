package admin

import (
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"deskbell/agent/event"
)

func scrape(t *testing.T, h http.Handler) string {
	t.Helper()
	w := serve(h, "GET", "/metrics", "")
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Fatalf("%d %s: %s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	return w.Body.String()
}

func TestMetricsAreThereFromTheStart(t *testing.T) {
	s := newTestServer(t, Config{}, newFakeAgent(), testLog())
	text := scrape(t, s.Handler(true))
	for _, want := range []string{
		`deskbell_webhook_requests_total{code="200"} 0`, `deskbell_webhook_requests_total{code="503"} 0`,
		`deskbell_events_accepted_total{kind="conversation_create"} 0`, `deskbell_events_accepted_total{kind="other"} 0`,
		"deskbell_events_duplicate_total 0", "deskbell_storage_commit_seconds_count 0", `deskbell_storage_commit_seconds_bucket{le="+Inf"} 0`,
		"deskbell_storage_bytes 4.194304e+06", "deskbell_storage_max_bytes 6.7108864e+07", "deskbell_storage_undelivered_bytes 0", "deskbell_storage_dropped_total 0",
		`deskbell_forward_connected{forward="hub"} 1`, `deskbell_forward_connected{forward="cloud"} 0`,
		`deskbell_forward_pending{forward="cloud"} 12`, `deskbell_forward_acked_total{forward="hub"} 0`,
		`deskbell_delivery_seconds_count{forward="hub"} 0`, "deskbell_output_seconds_count 0", "deskbell_desk_waiting 1",
		`deskbell_build_info{goarch="` + runtime.GOARCH + `",goversion="` + runtime.Version() + `",version="1.0.0"} 1`,
		"# TYPE deskbell_storage_dropped_total counter", "# TYPE deskbell_output_seconds histogram",
		"# TYPE deskbell_desk_waiting gauge", "# TYPE deskbell_forward_acked_total counter",
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("%s is missing", want)
		}
	}
	if runtime.GOOS == "linux" && !strings.Contains(text, "\nprocess_resident_memory_bytes ") {
		t.Error("the memory of the process is missing")
	}
	if regexp.MustCompile(`(?m)^go_`).MatchString(text) {
		t.Error("there are metrics of the Go runtime")
	}
}

func TestMetricsCount(t *testing.T) {
	s := newTestServer(t, Config{}, newFakeAgent(), testLog())
	m := s.metrics
	m.WebhookRequest(200)
	m.WebhookRequest(200)
	m.WebhookRequest(418)
	m.Accepted(event.Message)
	m.Duplicates(3)
	m.Duplicates(0)
	m.Committed(3 * time.Millisecond)
	m.Delivered("hub", 20*time.Millisecond)
	m.Delivered("late", time.Minute)
	m.OutputSet(200 * time.Microsecond)
	text := scrape(t, s.Handler(true))
	for _, want := range []string{
		`deskbell_webhook_requests_total{code="200"} 2`, `deskbell_webhook_requests_total{code="418"} 1`,
		`deskbell_events_accepted_total{kind="message"} 1`, "deskbell_events_duplicate_total 3",
		`deskbell_storage_commit_seconds_bucket{le="0.0025"} 0`, `deskbell_storage_commit_seconds_bucket{le="0.005"} 1`,
		`deskbell_forward_acked_total{forward="hub"} 1`, `deskbell_delivery_seconds_sum{forward="hub"} 0.02`,
		`deskbell_forward_acked_total{forward="late"} 1`, `deskbell_output_seconds_bucket{le="0.00025"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
}

func TestNilMetricsCountNothing(t *testing.T) {
	var m *Metrics
	m.WebhookRequest(200)
	m.Accepted(event.Message)
	m.Duplicates(1)
	m.Committed(1)
	m.Delivered("hub", 1)
	m.OutputSet(1)
	m.bind(nil)
}

// Contract names are what dashboards are built on.
func TestNoMetricBesideTheKnownOnes(t *testing.T) {
	text := scrape(t, newTestServer(t, Config{}, newFakeAgent(), testLog()).Handler(true))
	names := regexp.MustCompile(`(?m)^# TYPE (deskbell_\w+) `).FindAllStringSubmatch(text, -1)
	var got []string
	for _, n := range names {
		got = append(got, n[1])
	}
	want, err := os.ReadFile("testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(got, "\n")+"\n" != string(want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

func BenchmarkMetrics(b *testing.B) {
	m := NewMetrics("1.0.0", "hub")
	b.ReportAllocs()
	for b.Loop() {
		m.WebhookRequest(200)
		m.Accepted(event.Message)
		m.Delivered("hub", time.Millisecond)
	}
}
