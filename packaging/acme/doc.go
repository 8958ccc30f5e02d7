// Package acme holds the test of deskbell's certificates against pebble, Let's Encrypt's own test server. It is a
// module of its own: deskbell does not depend on pebble.
package acme
