package admin

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"net/http"
	"path"
	"time"
)

//go:embed page
var pageFS embed.FS

// pageFiles are the files that the page is made of, index.html apart.
func pageFiles() []string { return []string{"style.css", "app.js", "favicon.svg"} }

// page serves one embedded file. Browsers keep it, and ask each time whether it
// is still the same: after an upgrade nobody sees an old page.
func page(name string) http.HandlerFunc {
	// The types are named here, since the tables of the mime package come from
	// files that a small system may lack.
	types := map[string]string{".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
		".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	data, err := pageFS.ReadFile("page/" + name)
	if err != nil {
		panic(err) // the file is missing in the source; every test of the page would fail
	}
	tag := fmt.Sprintf(`"%x"`, sha256.Sum256(data))
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", types[path.Ext(name)])
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("ETag", tag)
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
	}
}

// pageSettings is what the page asks for once; it is no part of the API.
type pageSettings struct {
	Timezone string `json:"timezone"` // a name of the IANA; empty: the browser's own
}

func (s *Server) getSettings(w http.ResponseWriter, r *http.Request) {
	zone := s.config.Timezone
	if zone == "local" || zone == "Local" {
		zone = ""
	}
	writeJSON(w, http.StatusOK, pageSettings{Timezone: zone})
}
