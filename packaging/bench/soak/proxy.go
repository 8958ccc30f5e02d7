package main

import (
	"net"
	"sync"
)

// A proxy stands between the agent and the broker, as a network that fails.
type proxy struct {
	listener net.Listener
	broker   string

	mu    sync.Mutex
	open  bool // connections are taken
	links map[*link]bool
	wg    sync.WaitGroup
}

// A link is one connection through it.
type link struct {
	agent, broker net.Conn
	held          chan struct{} // closed when nothing goes through any more
	hold          sync.Once
}

func newProxy(broker string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: l, broker: broker, links: map[*link]bool{}}
	p.wg.Go(p.accept)
	return p, nil
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		agent, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		open := p.open
		p.mu.Unlock()
		if !open {
			reset(agent)
			continue
		}
		broker, err := net.Dial("tcp", p.broker)
		if err != nil {
			reset(agent)
			continue
		}
		l := &link{agent: agent, broker: broker, held: make(chan struct{})}
		p.mu.Lock()
		p.links[l] = true
		p.mu.Unlock()
		p.wg.Go(func() { p.pump(l, l.broker, l.agent) })
		p.wg.Go(func() { p.pump(l, l.agent, l.broker) })
	}
}

// pump passes on what comes, until an end closes.
func (p *proxy) pump(l *link, to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		select {
		case <-l.held:
			return // what came is lost, and nobody is told
		default:
		}
		if err == nil {
			_, err = to.Write(buffer[:n])
		}
		if err != nil {
			p.end(l)
			return
		}
	}
}

// end cuts one link.
func (p *proxy) end(l *link) {
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
	reset(l.agent)
	reset(l.broker)
}

// take lets connections in, or none.
func (p *proxy) take(open bool) {
	p.mu.Lock()
	p.open = open
	p.mu.Unlock()
}

func (p *proxy) all() (list []*link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		list = append(list, l)
	}
	return list
}

// cut ends the links that there are, and returns how many.
func (p *proxy) cut() int {
	links := p.all()
	for _, l := range links {
		p.end(l)
	}
	return len(links)
}

// swallow has nothing go through the links that there are any more, without a
// word to either side. release cuts them.
func (p *proxy) swallow() (n int, release func()) {
	links := p.all()
	for _, l := range links {
		l.hold.Do(func() { close(l.held) })
	}
	return len(links), func() {
		for _, l := range links {
			p.end(l)
		}
	}
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.cut()
	p.wg.Wait()
}

// reset closes a connection as a crash does, without a goodbye.
func reset(c net.Conn) {
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}
