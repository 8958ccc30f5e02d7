package admin

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

func pageFile(t *testing.T, name string) string {
	t.Helper()
	data, err := pageFS.ReadFile("page/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestPageIsServedWhole(t *testing.T) {
	h := newTestServer(t, Config{}, newFakeAgent(), testLog()).Handler(true)
	index := serve(h, "GET", "/", "")
	if index.Code != 200 || index.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%d %s", index.Code, index.Header())
	}
	links := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(index.Body.String(), -1)
	if len(links) < 5 {
		t.Errorf("links: %v", links)
	}
	for _, l := range links {
		target := "/" + strings.TrimPrefix(l[1], "/")
		if w := serve(h, "GET", target, ""); w.Code != 200 || w.Body.Len() == 0 {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	entries, err := fs.ReadDir(pageFS, "page")
	if err != nil || len(entries) != len(pageFiles())+1 {
		t.Errorf("%d files are embedded, %d served: %v", len(entries), len(pageFiles())+1, err)
	}
}

func TestBrowserAsksAgainAndGetsNothingTwice(t *testing.T) {
	h := newTestServer(t, Config{}, newFakeAgent(), testLog()).Handler(true)
	for _, target := range []string{"/", "/app.js", "/style.css", "/favicon.svg"} {
		head := serve(h, "GET", target, "").Header()
		if head.Get("Cache-Control") != "no-cache" || head.Get("ETag") == "" {
			t.Errorf("%s: %v", target, head)
		}
		if w := serve(h, "GET", target, "", "If-None-Match", head.Get("ETag")); w.Code != 304 || w.Body.Len() != 0 {
			t.Errorf("%s again: %d", target, w.Code)
		}
	}
}

// What the policy forbids does not work in the page, and what visitors wrote
// must reach it as text alone.
func TestPageKeepsToItsPolicy(t *testing.T) {
	for name, never := range map[string]string{
		"index.html": `<script>|<style|\sstyle=|\son\w+=|https?://|javascript:`,
		"style.css":  `url\(|@import|https?://`,
		"app.js":     `innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc|DOMParser|setAttribute\("style|"https?://[^w]`,
	} {
		if found := regexp.MustCompile(never).FindString(pageFile(t, name)); found != "" {
			t.Errorf("%s holds %q", name, found)
		}
	}
}

func TestPageHasEveryPartThatItsScriptFills(t *testing.T) {
	index, script := pageFile(t, "index.html"), pageFile(t, "app.js")
	ids := regexp.MustCompile(`(?:\$|put)\("([\w-]+)"`).FindAllStringSubmatch(script, -1)
	if len(ids) < 30 {
		t.Errorf("only %d uses found", len(ids))
	}
	for _, id := range ids {
		if !strings.Contains(index, `id="`+id[1]+`"`) {
			t.Errorf("no part has the id %s", id[1])
		}
	}
	style := pageFile(t, "style.css")
	for _, pattern := range []string{"on", "blink", "fast", "pulse", "double", "triple", "chirp", "alarm"} {
		if !strings.Contains(style, ".p-"+pattern+" ") || !strings.Contains(script, `"`+pattern+`"`) {
			t.Errorf("the pattern %s is not shown", pattern)
		}
	}
}

func TestTimeZoneOfThePage(t *testing.T) {
	for zone, want := range map[string]string{"": "", "local": "", "Europe/Berlin": "Europe/Berlin"} {
		w := serve(newTestServer(t, Config{Timezone: zone}, newFakeAgent(), testLog()).Handler(true), "GET", "/settings.json", "")
		if got := strings.TrimSpace(w.Body.String()); got != `{"timezone":"`+want+`"}` {
			t.Errorf("%q: %s", zone, got)
		}
	}
}
