package agent

import "testing"

func TestPlaces(t *testing.T) {
	env := func(name string) string { return map[string]string{"ProgramData": `D:\Data`}[name] }
	none := func(string) string { return "" }
	for _, tt := range []struct{ got, want string }{
		{DefaultFile("linux", env), "/etc/deskbell/deskbell.toml"},
		{defaultDataDir("linux", env), "/var/lib/deskbell"},
		{DefaultFile("windows", env), `D:\Data\deskbell\deskbell.toml`},
		{defaultDataDir("windows", env), `D:\Data\deskbell`},
		{defaultDataDir("windows", none), `C:\ProgramData\deskbell`},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}
