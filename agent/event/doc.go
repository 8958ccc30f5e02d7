// Package event reads what the live-chat platform posts.
//
// A body is `{"events":[ … ]}`; [ParseBody] splits it into elements and gives each its identity, [Decoder.Decode]
// turns one element into an [Event], [Decoder.Summary] into one line for a person at a desk. Everything in here is
// pure: no clock, no disk, no network, no logging. Bytes from outside never make it fail in any other way than with a
// [SyntaxError], and never make it use more memory than a small multiple of their length.
package event
