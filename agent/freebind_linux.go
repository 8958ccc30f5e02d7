package agent

import "syscall"

const ipv6Freebind = 78 // IPV6_FREEBIND

// bindAhead has a socket bound though no interface has its address yet, see
// nowhere.
func bindAhead(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		// Where the kernel knows neither, bind says what is wrong.
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_IP, syscall.IP_FREEBIND, 1)
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, ipv6Freebind, 1)
	})
}
