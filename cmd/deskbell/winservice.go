package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/kardianos/service"

	"deskbell/agent"
	"deskbell/systemd"
)

// windowsService answers Windows' service manager, which wants to be talked to
// by the process itself. Elsewhere signals do.
type windowsService struct {
	ctx   context.Context
	stop  context.CancelFunc
	run   func(context.Context) error
	ended chan error
	die   func(error) // ends the process: the service manager starts one anew that ended without being told to
}

func (w *windowsService) Start(service.Service) error {
	go func() {
		err := w.run(w.ctx)
		if w.ctx.Err() == nil {
			w.die(err)
		}
		w.ended <- err
	}()
	return nil
}

// Stop waits for the agent's end: the process ends when it returns.
func (w *windowsService) Stop(service.Service) error {
	w.stop()
	return <-w.ended
}

func runAsWindowsService(ctx, starting context.Context, a *agent.Agent) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	w := &windowsService{ctx: ctx, stop: stop, ended: make(chan error, 1), run: func(ctx context.Context) error { return runAgent(ctx, starting, a) }}
	w.die = func(err error) {
		if err == nil {
			err = errors.New("it ended by itself")
		}
		fmt.Fprintf(errorStream(), "deskbell: error: %v\n", err)
		os.Exit(exitFailed)
	}
	s, err := service.New(w, &service.Config{Name: systemd.Name})
	if err != nil {
		return fmt.Errorf("find the service manager: %w", err)
	}
	return s.Run()
}

// isWindowsService says whether Windows' service manager has started the process.
func isWindowsService() bool { return runtime.GOOS == "windows" && !service.Interactive() }

// errorStream is standard error, or the event log for a service of Windows,
// which has no other place.
func errorStream() io.Writer {
	if !isWindowsService() {
		return os.Stderr
	}
	s, err := service.New(nothing{}, &service.Config{Name: systemd.Name})
	if err != nil {
		return os.Stderr
	}
	log, err := s.SystemLogger(nil)
	if err != nil {
		return os.Stderr
	}
	return eventLog{log}
}

// eventLog writes each line, as the agent logs it, with its level.
type eventLog struct{ log service.Logger }

func (e eventLog) Write(p []byte) (int, error) {
	line, write := strings.TrimSpace(string(p)), e.log.Info
	switch {
	case strings.Contains(line, "level=ERROR"), strings.Contains(line, `"level":"ERROR"`), strings.HasPrefix(line, "deskbell: error:"):
		write = e.log.Error
	case strings.Contains(line, "level=WARN"), strings.Contains(line, `"level":"WARN"`):
		write = e.log.Warning
	}
	if err := write(line); err != nil {
		return 0, err
	}
	return len(p), nil
}
