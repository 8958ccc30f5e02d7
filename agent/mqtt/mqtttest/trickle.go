package mqtttest

import (
	"net"
	"time"
)

// Trickle returns a connection over which n bytes pass in each period, both
// ways.
func Trickle(c net.Conn, n int, period time.Duration) net.Conn {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4 << 10) // else the system takes much more for us
	}
	return trickle{c, n, period}
}

type trickle struct {
	net.Conn
	n      int
	period time.Duration
}

func (t trickle) Read(p []byte) (int, error) {
	time.Sleep(t.period)
	return t.Conn.Read(p[:min(t.n, len(p))])
}

func (t trickle) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		time.Sleep(t.period)
		n, err := t.Conn.Write(p[written:min(written+t.n, len(p))])
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}
