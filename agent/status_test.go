package agent

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/storage"
)

func TestNoEventForSoLongIsAProblem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, r := wired(t, "webhook = { expect_every = '90m' }")
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.store.Run(ctx) }()
		defer func() {
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}()
		told := func(what, want string) {
			t.Helper()
			if got := a.silence(r.store); want == "" && got != "" || !strings.HasPrefix(got, want) {
				t.Errorf("%s: told %q, want %q", what, got, want)
			}
		}
		time.Sleep(90 * time.Minute)
		told("not before it ran for that long", "")
		time.Sleep(time.Minute)
		told("after that", "no event for 1 h: is the webhook still switched on in the platform?")
		if _, err := r.store.Append(t.Context(), []storage.Entry{{ID: storage.ID{1}, Data: []byte("{}")}}); err != nil {
			t.Fatal(err)
		}
		told("an event came", "")
		time.Sleep(26 * time.Hour)
		told("a day and two hours later", "no event for 26 h")
		a.config.Webhook.ExpectEvery = 0
		told("when nothing is expected", "")
	})
}
