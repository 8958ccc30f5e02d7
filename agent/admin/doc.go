// Package admin shows a running agent to people and programs: the page, the
// HTTP API with its event stream, the metrics, the control socket, and the
// client and the words that the command line uses. It reads the log and never
// writes to it; what changes something goes through [Commands].
package admin
