package agent

// DefaultFile is the configuration's place on a system: that of programs for
// all users.
func DefaultFile(goos string, env func(string) string) string {
	if goos == "windows" {
		return programData(env) + `\deskbell.toml`
	}
	return "/etc/deskbell/deskbell.toml"
}

func defaultDataDir(goos string, env func(string) string) string {
	if goos == "windows" {
		return programData(env)
	}
	return "/var/lib/deskbell"
}

func programData(env func(string) string) string {
	dir := env("ProgramData")
	if dir == "" {
		dir = `C:\ProgramData`
	}
	return dir + `\deskbell`
}
