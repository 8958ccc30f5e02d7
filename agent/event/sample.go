package event

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed samples/*.json
var sampleFiles embed.FS

// Sample is one of the payloads that the platform documents, as printed there: a whole body with one event.
type Sample struct {
	Name string // such as message_text
	Data []byte
}

// Samples returns the 22 documented payloads in the platform's order. They are the caller's own.
func Samples() []Sample {
	files, err := fs.Glob(sampleFiles, "samples/*.json")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	samples := make([]Sample, 0, len(files))
	for _, f := range files {
		data, err := sampleFiles.ReadFile(f)
		if err != nil {
			panic(err) // the file is part of the program
		}
		name := strings.TrimSuffix(strings.TrimPrefix(f, "samples/"), ".json")
		if _, after, ok := strings.Cut(name, "-"); ok {
			name = after
		}
		samples = append(samples, Sample{Name: name, Data: data})
	}
	return samples
}
