// Package agent is deskbell as a value: its configuration, and the wiring of
// its rooms into one program that a command, or a test on free ports and a
// temporary folder, runs.
package agent
