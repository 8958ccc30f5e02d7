package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// policy lets the page load its own files and talk to its own API, nothing
// else: what a visitor writes can never run, load or send anything.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// common puts on every answer what it must carry, wherever it goes to.
func common(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A reader that takes nothing is cut; a stream sets its own deadlines.
		// An error only says that this writer knows none.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
		head := w.Header()
		head.Set("Cache-Control", "no-store")
		head.Set("Content-Security-Policy", policy)
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("X-Frame-Options", "DENY")
		h.ServeHTTP(w, r)
	})
}

// guard lets in only what may come from the network.
func (s *Server) guard(h http.Handler) http.Handler {
	sites := http.NewCrossOriginProtection()
	sites.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writeError(w, &Error{Code: http.StatusForbidden, Message: "requests from other sites are refused"})
	}))
	h = sites.Handler(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		// First, so that no browser asks for a password on behalf of a name
		// that only pretends to be this machine.
		case !s.knownHost(r.Host):
			writeError(w, &Error{Code: http.StatusForbidden, Message: "this host name is not known here",
				Hint: "use localhost, the address in numbers, or the name of the machine or device"})
		case !s.permitted(r):
			w.Header().Set("WWW-Authenticate", `Basic realm="deskbell", charset="UTF-8"`)
			writeError(w, &Error{Code: http.StatusUnauthorized, Message: "the password is missing or wrong"})
		default:
			h.ServeHTTP(w, r)
		}
	})
}

func (s *Server) permitted(r *http.Request) bool {
	if s.config.Password == "" {
		return true
	}
	_, password, ok := r.BasicAuth()
	sum := sha256.Sum256([]byte(password))
	return subtle.ConstantTimeCompare(sum[:], s.password[:]) == 1 && ok
}

// knownHost says whether a Host header names this machine. A name that an
// attacker may point at this machine (DNS rebinding) is none of ours; an
// address in numbers cannot be pointed anywhere.
func (s *Server) knownHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	return s.hosts[plainName(host)]
}

// hostNames returns every form of names in which a browser on the local network
// may use them: as given, the first label, and that in .local (multicast DNS).
func hostNames(names []string) map[string]bool {
	known := make(map[string]bool)
	for _, name := range names {
		name = plainName(name)
		first, _, _ := strings.Cut(name, ".")
		if first == "" {
			continue
		}
		known[name], known[first], known[first+".local"] = true, true, true
	}
	return known
}

func plainName(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }
