package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// FromNow stands for "only what comes from now on" in [Client.Stream].
const FromNow uint64 = math.MaxUint64

// StreamItem is one item of the stream: either an event or a status.
type StreamItem struct {
	Event  *EventItem
	Status *Status
}

// Stream yields events after a sequence, or [FromNow], and a status at first
// and after every change, until the loop is left, ctx ends or the agent stops.
// An error comes as the last pair; without one the agent has ended the stream.
func (c *Client) Stream(ctx context.Context, after uint64) iter.Seq2[StreamItem, error] {
	return func(yield func(StreamItem, error) bool) {
		path := "/api/stream"
		if after != FromNow {
			path += "?after=" + strconv.FormatUint(after, 10)
		}
		answer, err := c.do(ctx, http.MethodGet, path, nil)
		if err != nil {
			yield(StreamItem{}, err)
			return
		}
		defer answer.Body.Close()
		err = readStream(answer.Body, func(i StreamItem) bool { return yield(i, nil) })
		if err != nil && !errors.Is(err, errLeft) {
			yield(StreamItem{}, c.broken(ctx, err))
		}
	}
}

// errLeft ends readStream when its reader wants no more.
var errLeft = errors.New("the stream was left")

// readStream decodes server-sent events until the end, which is no error.
// Items and fields that it does not know are passed over: a newer agent may
// send more.
func readStream(r io.Reader, item func(StreamItem) bool) error {
	lines := bufio.NewReader(r)
	var name string
	var data []byte
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil // what was begun is not complete
		}
		if err != nil {
			return err
		}
		field, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case field == "event":
			name = value
		case field == "data":
			data = append(data, value...)
		case strings.TrimRight(line, "\r\n") == "":
			i, err := streamItem(name, data)
			if err != nil {
				return err
			}
			if i != (StreamItem{}) && !item(i) {
				return errLeft
			}
			name, data = "", data[:0]
		}
	}
}

func streamItem(name string, data []byte) (StreamItem, error) {
	var i StreamItem
	switch {
	case len(data) == 0:
	case name == "event":
		i.Event = new(EventItem)
		return i, json.Unmarshal(data, i.Event)
	case name == "status":
		i.Status = new(Status)
		return i, json.Unmarshal(data, i.Status)
	}
	return i, nil
}
