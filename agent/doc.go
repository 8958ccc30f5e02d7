// Package agent is deskbell as a value: its configuration, and the wiring of
// its rooms into one program that a command, or a test on free ports and a
// temporary folder, runs.
//
// There are two clocks. The store's own only goes forward: order, ages and
// whatever lasts for a time go by it, and it survives a restart. The wall
// clock, Options.Now, is for people: it may be in 1970 until the network has
// set it, and jump by years, and nothing but what is shown changes by that.
package agent
