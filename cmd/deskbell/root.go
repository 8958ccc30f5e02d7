package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"regexp"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"deskbell/agent"
	"deskbell/agent/admin"
)

// defaultConfig is read where it exists and --config is not given.
var defaultConfig = agent.DefaultFile(runtime.GOOS, os.Getenv)

// goParse is what the flag package tells of how it read a number.
var goParse = regexp.MustCompile(`strconv\.\w+: parsing ".*": `)

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "deskbell",
		Short: "The box at a front desk that never misses a chat",
		Long: `deskbell takes the webhooks of a live-chat platform, stores every event before
it answers, forwards them to MQTT brokers, and lights a lamp and sounds a buzzer
when somebody at the desk is wanted.`,
		Example:           "  deskbell demo",
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
	}
	root.PersistentFlags().String("config", "", "configuration file (default "+defaultConfig+" where it exists)")
	root.AddCommand(
		runCommand(), demoCommand(), checkCommand(), doctorCommand(), sendCommand(), statusCommand(), eventsCommand(), whyCommand(), replayCommand(), backupCommand(), compactCommand(), forgetCommand(),
		ackCommand(), muteCommand(), unmuteCommand(), testCommand(), cardCommand(), gpioCommand(), serviceCommand(), setupCommand(), learnCommand(),
		versionCommand(), checkStoreCommand(), salvageStoreCommand(),
	)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return wrong("see: "+cmd.CommandPath()+" --help", "%s", goParse.ReplaceAllString(err.Error(), ""))
	})
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			group(c)
			c.Example = "  deskbell completion bash > /etc/bash_completion.d/deskbell"
		}
	}
	for _, c := range root.Commands() {
		tellUse(c)
	}
	return root
}

// tellUse has a wrong number of arguments answered with how the command is
// written, for it and all below it.
func tellUse(cmd *cobra.Command) {
	if counts := cmd.Args; counts != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := counts(cmd, args); err != nil {
				return wrong("write it like: "+cmd.UseLine(), "%s", strings.ReplaceAll(err.Error(), "arg(s)", "arguments"))
			}
			return nil
		}
	}
	for _, c := range cmd.Commands() {
		tellUse(c)
	}
}

// configFile is the file to read: "" where there is none and none was asked
// for.
func configFile(cmd *cobra.Command) string {
	if name, _ := cmd.Flags().GetString("config"); name != "" {
		return name
	}
	if _, err := os.Stat(defaultConfig); err == nil {
		return defaultConfig
	}
	return ""
}

// loadConfig reads the configuration in force with its secrets. The error is a
// failure; code is its exit status where the configuration itself is at fault.
func loadConfig(cmd *cobra.Command, code int) (agent.Config, error) {
	return readConfig(cmd, code, agent.Loader{})
}

// loadPublic reads the configuration for a command that needs no secret: it
// works for those who may not read them.
func loadPublic(cmd *cobra.Command) (agent.Config, error) {
	return readConfig(cmd, exitFailed, agent.Loader{WithoutSecrets: true})
}

func readConfig(cmd *cobra.Command, code int, l agent.Loader) (agent.Config, error) {
	l.Machine = agent.ThisMachine()
	name := configFile(cmd)
	var doc []byte
	if name != "" {
		var err error
		if doc, err = os.ReadFile(name); err != nil {
			return agent.Config{}, refusal(err, name, code)
		}
	}
	c, err := l.Load(doc)
	return c, refusal(err, name, code)
}

func refusal(err error, name string, code int) error {
	var faults agent.Faults
	switch found := errors.As(err, &faults); {
	case err == nil:
		return nil
	case found && errors.Is(err, fs.ErrPermission):
		return &failure{code: code, err: err, hint: "run it with sudo"}
	case errors.Is(err, fs.ErrNotExist) && !found:
		return failed(err, "give the path of a configuration file to --config, or leave it out for the defaults")
	case errors.Is(err, fs.ErrPermission):
		return failed(err, "run it as root, or as a user who may read the file")
	}
	hint := ""
	if name != "" {
		hint = "edit " + name + ", then: deskbell check --config " + name
	}
	return &failure{code: code, err: err, hint: hint}
}

// client is a client of the agent that runs on the configured data folder.
func client(cmd *cobra.Command) (*admin.Client, agent.Config, error) {
	c, err := loadPublic(cmd)
	if err != nil {
		return nil, c, err
	}
	return admin.NewClient(agent.ControlSocket(c.DataDir)), c, nil
}

// told adds the remedy that the client knows to its error.
func told(err error) error {
	var known *failure
	if err == nil || errors.As(err, &known) {
		return err
	}
	return failed(err, admin.Hint(err))
}

// jsonFlag adds --json to a command that prints data.
func jsonFlag(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().Bool("json", false, "print JSON")
	return cmd
}

func wantsJSON(cmd *cobra.Command) bool {
	v, _ := cmd.Flags().GetBool("json")
	return v
}

// printJSON writes v as people and programs read it, without escaping < > &.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
