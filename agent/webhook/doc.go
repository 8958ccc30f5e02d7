// Package webhook takes the platform's posts: it checks where they come from, how large they are and whether they hold
// a right token, has their events made durable, and only then answers 200.
//
// The order of checks and every answer are part of the project's promise to the platform. Nothing of a request is
// logged; what was refused can be read in two short lists of the store, see [Shape] and [Rejected].
package webhook
