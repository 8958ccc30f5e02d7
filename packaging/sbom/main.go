// Command sbom prints what is in binaries as a CycloneDX document, from what the Go linker wrote into them.
//
//	sbom VERSION BINARY…
//
// The same binaries give the same bytes: the serial number is made from their hashes, the time is $SOURCE_DATE_EPOCH.
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

type document struct {
	Schema       string      `json:"$schema"`
	BOMFormat    string      `json:"bomFormat"`
	SpecVersion  string      `json:"specVersion"`
	SerialNumber string      `json:"serialNumber"`
	Version      int         `json:"version"`
	Metadata     metadata    `json:"metadata"`
	Components   []component `json:"components"`
}

type metadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Ref        string      `json:"bom-ref,omitempty"`
	Type       string      `json:"type"`
	Name       string      `json:"name"`
	Version    string      `json:"version,omitempty"`
	Hashes     []hash      `json:"hashes,omitempty"`
	PURL       string      `json:"purl,omitempty"`
	Properties []property  `json:"properties,omitempty"`
	Components []component `json:"components,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: sbom VERSION BINARY…")
		os.Exit(2)
	}
	doc, err := describe(os.Args[1], os.Args[2:])
	if err == nil {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		err = out.Encode(doc)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

// describe reads the binaries. A module that is in any of them is a component.
func describe(version string, binaries []string) (*document, error) {
	seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	app := component{Ref: "deskbell", Type: "application", Name: "deskbell", Version: version}
	modules := map[string]component{}
	serial := sha256.New()
	for _, name := range binaries {
		file, err := describeFile(name, modules)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		app.Components = append(app.Components, file)
		fmt.Fprintln(serial, version, file.Name, file.Hashes[0].Content)
	}
	doc := &document{
		Schema: "http://cyclonedx.org/schema/bom-1.5.schema.json", BOMFormat: "CycloneDX", SpecVersion: "1.5", Version: 1,
		SerialNumber: "urn:uuid:" + uuid(serial.Sum(nil)),
		Metadata:     metadata{Timestamp: time.Unix(seconds, 0).UTC().Format(time.RFC3339), Component: app},
	}
	for _, c := range modules {
		doc.Components = append(doc.Components, c)
	}
	slices.SortFunc(doc.Components, func(a, b component) int { return strings.Compare(a.Ref, b.Ref) })
	return doc, nil
}

// describeFile returns a binary as a component and adds its modules.
func describeFile(name string, modules map[string]component) (component, error) {
	f, err := os.Open(name)
	if err != nil {
		return component{}, err
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return component{}, err
	}
	info, err := buildinfo.Read(f)
	if err != nil {
		return component{}, err
	}
	std := component{Type: "library", Name: "std", Version: info.GoVersion, PURL: "pkg:golang/std@" + strings.TrimPrefix(info.GoVersion, "go")}
	std.Ref = std.PURL
	modules[std.Ref] = std
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		c := component{Type: "library", Name: m.Path, Version: m.Version, PURL: "pkg:golang/" + m.Path + "@" + strings.ReplaceAll(m.Version, "+", "%2B")}
		c.Ref = c.PURL
		// Go's h1 is the SHA-256 of the list of the module's files and their hashes. It stands here as cyclonedx-gomod has it.
		if h1, ok := strings.CutPrefix(m.Sum, "h1:"); ok {
			raw, err := base64.StdEncoding.DecodeString(h1)
			if err != nil {
				return component{}, fmt.Errorf("hash of %s: %w", m.Path, err)
			}
			c.Hashes = []hash{{"SHA-256", hex.EncodeToString(raw)}}
			c.Properties = []property{{"deskbell:go.sum", m.Sum}}
		}
		modules[c.Ref] = c
	}
	file := component{Type: "file", Name: filepath.Base(name), Hashes: []hash{{"SHA-256", hex.EncodeToString(sum.Sum(nil))}}}
	for _, s := range info.Settings {
		if strings.HasPrefix(s.Key, "GO") || s.Key == "CGO_ENABLED" || s.Key == "-trimpath" {
			file.Properties = append(file.Properties, property{"deskbell:build:" + s.Key, s.Value})
		}
	}
	return file, nil
}

// uuid returns a UUID of version 8, for which anything may be used.
func uuid(b []byte) string {
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
