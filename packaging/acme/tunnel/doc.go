// Package tunnel holds the test of the examples by which posts reach a desk behind a router.
package tunnel
