package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"deskbell/storage"
)

var (
	// ErrUnknownOutput is for an [Agent] to wrap when Test names an output that
	// does not exist; the API answers 404.
	ErrUnknownOutput = errors.New("no such output")

	// ErrUnknownInput is for an [Agent] to wrap when Press or Lock names an
	// input that does not exist; the API answers 404.
	ErrUnknownInput = errors.New("no such input")

	// ErrUnknownForward is for an [Agent] to wrap when Replay names a forward
	// that does not exist; the API answers 404.
	ErrUnknownForward = errors.New("no such forward")

	// ErrBadArgument is for an [Agent] to wrap when a pattern or a duration
	// cannot be used; the API answers 400.
	ErrBadArgument = errors.New("it cannot be used")

	// ErrNotFound comes from a [Client] when the event, output or forward it
	// named is not there.
	ErrNotFound = errors.New("not found")

	// ErrNoAgent comes from a [Client] when nobody answers on the socket.
	ErrNoAgent = errors.New("no agent is running")

	// ErrNotPermitted comes from a [Client] when its user may not use the
	// socket.
	ErrNotPermitted = errors.New("not permitted")
)

// Error is an error as the API tells it: with a status code, a sentence and,
// where there is one, the remedy. A [Client] returns it for every answer that
// is not a success.
type Error struct {
	Code    int    `json:"-"` // HTTP status
	Message string `json:"error"`
	Hint    string `json:"hint,omitempty"`
	err     error
}

// Error returns the message without the hint.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the sentinel behind it, if any.
func (e *Error) Unwrap() error { return e.err }

// Hint returns the remedy that err carries, or "".
func Hint(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}

// apiError is err as the API tells it.
func apiError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	code := http.StatusInternalServerError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: http.StatusServiceUnavailable, Message: fmt.Sprintf("the store did not answer in time, and it may still be done: %v", err),
			Hint: "look at the disk or card: it may be failing", err: err}
	case errors.Is(err, ErrUnknownOutput), errors.Is(err, ErrUnknownInput), errors.Is(err, storage.ErrNotFound):
		code = http.StatusNotFound
	case errors.Is(err, ErrBadArgument):
		code = http.StatusBadRequest
	case errors.Is(err, storage.ErrFull), errors.Is(err, storage.ErrNoSpace),
		errors.Is(err, storage.ErrBroken), errors.Is(err, storage.ErrClosed):
		code = http.StatusServiceUnavailable
	}
	return &Error{Code: code, Message: err.Error(), err: err}
}
