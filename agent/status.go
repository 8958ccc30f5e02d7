package agent

import (
	"fmt"
	"time"

	"deskbell/agent/admin"
	"deskbell/agent/event"
	"deskbell/agent/webhook"
	"deskbell/storage"
)

// awayAfter is how long a broker may be away before it is a problem: a restart
// of the broker is none.
const awayAfter = 30 * time.Second

// Status is the snapshot of now. Before the store is open, its parts that need
// the store are empty and Ready is false.
func (a *Agent) Status() admin.Status {
	counts := a.webhook.Counts()
	s := admin.Status{
		Device:        a.config.Device,
		Version:       a.options.Version,
		UptimeSeconds: time.Since(a.started).Seconds(),
		Ready:         a.step.Ready() == nil,
		Webhook:       admin.WebhookStatus{Accepted: counts.Accepted, Duplicates: counts.Duplicates, Rejected: counts.Rejected},
	}
	good, refused := a.webhook.Seen()
	s.Webhook.LastPost, s.Webhook.LastRefused = lastPost(good), lastPost(refused)
	r := a.open.Load()
	if r == nil {
		s.Problems = []string{errStarting.Error()}
		return s
	}
	st := r.store.Stats()
	s.Storage = admin.StorageStatus{
		FirstSequence: st.FirstSequence, LastSequence: st.LastSequence, Records: st.Records,
		Bytes: st.Bytes, MaxBytes: st.MaxBytes, Full: st.Full, Dropped: st.Dropped, UndeliveredBytes: st.UndeliveredBytes,
	}
	for _, d := range r.forwards {
		link, fw := d.link.State(), d.forwarder.Stats()
		s.Forward = append(s.Forward, admin.ForwardStatus{
			Name: d.name, Broker: d.broker, Connected: link.Connected, AckedSequence: fw.Acked,
			Pending: fw.Pending, SetAside: fw.SetAside, LastError: link.LastError,
		})
	}
	s.Desk, s.Outputs = r.indication()
	for _, in := range a.board.Inputs() {
		last, _ := a.buttons.of(in.Name)
		s.Inputs = append(s.Inputs, admin.InputStatus{Name: in.Name, Pin: in.Pin, Driver: in.Driver, Pressed: in.Pressed,
			Locked: r.indicator.Locked(in.Name), Last: last})
	}
	s.Problems = a.problems(r, s)
	return s
}

// problems lists in words, with the remedy, what a person should look at.
func (a *Agent) problems(r *rooms, s admin.Status) []string {
	list := r.store.Problems()
	if p := a.slow(); p != "" {
		list = append(list, p)
	}
	if err := r.store.Ready(); err != nil && len(list) == 0 {
		list = append(list, err.Error())
	}
	for i, f := range s.Forward {
		link := r.forwards[i].link.State()
		if away := time.Since(link.Since); !f.Connected && away > awayAfter && time.Since(a.started) > awayAfter {
			why := f.LastError
			if why == "" {
				why = "not connected yet"
			}
			list = append(list, fmt.Sprintf("forward %s: %s; %s kept until the broker is back", f.Name, why, counted(f.Pending, "event")+isAre(f.Pending)))
		} else if link.Doubtful {
			list = append(list, fmt.Sprintf("forward %s: %s; %s kept until it works again", f.Name, f.LastError, counted(f.Pending, "event")+isAre(f.Pending)))
		}
		for _, p := range r.forwards[i].problems() {
			list = append(list, fmt.Sprintf("forward %s: %s", f.Name, p))
		}
		unsent := r.forwards[i].forwarder.Stats().Unsent
		if refused := f.SetAside - unsent; refused > 0 {
			list = append(list, fmt.Sprintf("forward %s: %s set aside: the broker ended the connection on each of them three times; look at its log, and run: deskbell events set-aside",
				f.Name, counted(refused, "event")+isAre(refused)))
		}
		if unsent > 0 {
			list = append(list, fmt.Sprintf("forward %s: %s set aside: no message could be made, by a fault of this program; please report it with its log, and run: deskbell events set-aside",
				f.Name, counted(unsent, "event")+isAre(unsent)))
		}
	}
	list = append(list, r.indicator.Problems()...)
	list = append(list, a.board.Problems()...)
	if a.broker != nil {
		if p := a.broker.Problem(); p != "" {
			list = append(list, p)
		}
	}
	for _, l := range []struct{ of, address string }{{"webhook", a.WebhookAddr()}, {"admin", a.AdminAddr()}} {
		if p := nowhere(l.of, l.address); p != "" {
			list = append(list, p)
		}
	}
	list = append(list, a.tasks.problems()...)
	list = append(list, a.census.problems()...)
	list = append(list, a.secrecy.problems(storage.ClockSet(a.options.Now()))...)
	if p := a.reach.problem(); p != "" {
		list = append(list, p)
	}
	if p := a.silence(r.store); p != "" {
		list = append(list, p)
	}
	return list
}

// silence says in words that no event has come for longer than one is expected
// in; the time switched off does not count.
func (a *Agent) silence(store *storage.Log) string {
	most, idle := time.Duration(a.config.Webhook.ExpectEvery), store.Idle()
	if most == 0 || idle <= most {
		return ""
	}
	return fmt.Sprintf("no event for %s: is the webhook still switched on in the platform? Where that is nothing unusual, raise webhook.expect_every", long(idle))
}

// long is a long time in words, such as "26 h" or "45 min".
func long(d time.Duration) string {
	if d >= time.Hour {
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d min", int(d.Minutes()))
}

// indication is what the indicator knows, in the words of the API.
func (r *rooms) indication() (admin.DeskStatus, []admin.OutputStatus) {
	snap := r.indicator.Snapshot()
	d := admin.DeskStatus{
		Open: snap.Desk.Open, Waiting: snap.Desk.Waiting, Acknowledged: snap.Desk.Acknowledged,
		Unanswered: snap.Desk.Unanswered, Unassigned: snap.Desk.Unassigned, MutedUntil: admin.At(snap.MutedUntil),
	}
	for _, c := range snap.Desk.Conversations {
		d.Conversations = append(d.Conversations, admin.Conversation{
			Key: c.Key, Title: c.Title, Assignee: admin.Actor(c.Assignee), Open: c.Open, Waiting: c.Waiting, Acknowledged: c.Acknowledged,
			Since: c.Since, LastMessage: c.LastMessage,
		})
	}
	var outputs []admin.OutputStatus
	for _, o := range snap.Outputs {
		outputs = append(outputs, admin.OutputStatus(o))
	}
	return d, outputs
}

func lastPost(p webhook.Post) *admin.Post {
	if p.Number == 0 {
		return nil
	}
	return &admin.Post{Number: p.Number, Time: p.Time, Address: p.Address, TokenIn: p.TokenIn, Events: p.Events, Code: p.Code}
}

// observer passes what the webhook sees on to metrics and status.
type observer struct {
	metrics *admin.Metrics
	signal  *signal
}

func (o observer) Request(code int) {
	o.metrics.WebhookRequest(code)
	o.signal.Notify()
}
func (o observer) Accepted(kind event.Kind) { o.metrics.Accepted(kind) }
func (o observer) Duplicates(n int)         { o.metrics.Duplicates(n); o.signal.Notify() }
