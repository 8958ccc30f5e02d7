package mqtt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/gorilla/websocket"
)

// A webSocket is a broker's, as a stream of bytes: how they are cut into
// messages means nothing to MQTT. It has one reader and one writer at a time.
type webSocket struct {
	*websocket.Conn
	message io.Reader // what is left of the one being read; nil: none
}

// openWebSocket asks for a WebSocket on conn, which it closes when that fails.
// It ends early with ctx. The client library has such a thing, too, which
// cannot be ended, goes through proxies and does not say what was answered.
func openWebSocket(ctx context.Context, conn net.Conn, a Address) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = underlying(conn).Close() })
	at := url.URL{Scheme: "ws", Host: net.JoinHostPort(a.Host, a.Port)} // whatever is below it: that is open already
	path, err := at.Parse(a.Path)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	d := websocket.Dialer{
		Subprotocols:   []string{"mqtt"},
		NetDialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil },
	}
	ws, answer, err := d.DialContext(ctx, path.String(), nil)
	switch {
	case !stop():
		err = context.Cause(ctx)
	case err == nil:
		return &webSocket{Conn: ws}, nil
	case errors.Is(err, websocket.ErrBadHandshake) && answer != nil:
		err = noWebSocket{answer.StatusCode}
	case closedByPeer(err), errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("the other side closed the connection before there was a WebSocket: look at port and path in broker, and whether it wants TLS (wss) or a client certificate")
	}
	_ = underlying(conn).Close() // the library may have done so
	return nil, err
}

// noWebSocket is an answer to the wish for a WebSocket that grants none.
type noWebSocket struct{ code int }

func (n noWebSocket) Error() string {
	switch n.code {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Sprintf("the web server there answers %d: it wants something else before MQTT's login, which deskbell cannot give", n.code)
	case http.StatusNotFound:
		return "the web server there answers 404: write the path of its WebSocket into broker, such as ws://host/mqtt"
	}
	return fmt.Sprintf("no WebSocket there (the answer was %d): look at port and path in broker", n.code)
}

func (s *webSocket) Read(p []byte) (int, error) {
	for {
		if s.message == nil {
			var err error
			if _, s.message, err = s.NextReader(); err != nil {
				return 0, ofWebSocket(err)
			}
		}
		n, err := s.message.Read(p)
		if err == io.EOF {
			s.message, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, ofWebSocket(err)
		}
	}
}

func (s *webSocket) Write(p []byte) (int, error) {
	if err := s.WriteMessage(websocket.BinaryMessage, p); err != nil {
		return 0, ofWebSocket(err)
	}
	return len(p), nil
}

// SetDeadline is SetReadDeadline and SetWriteDeadline.
func (s *webSocket) SetDeadline(t time.Time) error {
	return errors.Join(s.SetReadDeadline(t), s.SetWriteDeadline(t))
}

// ofWebSocket gives an error the form that it has without WebSocket: the
// library hides a timeout, and has words of its own for the end.
func ofWebSocket(err error) error {
	var closed *websocket.CloseError
	var network net.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &closed):
		return fmt.Errorf("%w (WebSocket %d)", io.EOF, closed.Code)
	case errors.As(err, &network) && network.Timeout():
		return os.ErrDeadlineExceeded
	}
	return err
}
