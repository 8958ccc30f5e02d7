package main

import (
	"context"

	"github.com/kardianos/service"

	"deskbell/agent"
)

// windowsService answers Windows' service manager, which wants to be talked to
// by the process itself. Elsewhere signals do.
type windowsService struct {
	stop context.CancelFunc
	done chan error
	run  func() error
}

func (w *windowsService) Start(service.Service) error {
	go func() { w.done <- w.run() }()
	return nil
}

func (w *windowsService) Stop(service.Service) error {
	w.stop()
	return nil
}

func runAsWindowsService(ctx, starting context.Context, a *agent.Agent) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	w := &windowsService{stop: stop, done: make(chan error, 1), run: func() error { return runAgent(ctx, starting, a) }}
	var result error
	s, err := service.New(w, &service.Config{Name: "deskbell", Option: service.KeyValue{
		"RunWait": func() { result = <-w.done },
	}})
	if err != nil {
		return err
	}
	if err := s.Run(); err != nil {
		return err
	}
	return result
}
