package event

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func canonicalText(t *testing.T, src string) string {
	t.Helper()
	var d document
	if err := d.scan([]byte(src)); err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	var c canonical
	c.identity(&d, root)
	return string(c.out)
}

func TestCanonicalForm(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"white space goes":                       {" { \"a\" :\t[ 1 , 2 ] ,\r\n\"b\":{ } , \"c\":[ ] } ", `{"a":[1,2],"b":{},"c":[]}`},
		"keys are sorted":                        {`{"b":1,"a":2,"":3,"ab":4}`, `{"":3,"a":2,"ab":4,"b":1}`},
		"keys are sorted by what they stand for": {`{"\u0062":1,"a":2}`, `{"a":2,"b":1}`},
		"keys are sorted by UTF-8, not by UTF-16": {"{\"\U00010000\":1,\"\uff5a\":2,\"é\":3,\"z\":4}",
			"{\"z\":4,\"é\":3,\"\uff5a\":2,\"\U00010000\":1}"},
		"the last of a repeated name counts":       {`{"a":1,"b":2,"\u0061":3}`, `{"a":3,"b":2}`},
		"numbers stay as sent":                     {`[1.0,1e5,1E+05,-0,0.10,12345678901234567890]`, `[1.0,1e5,1E+05,-0,0.10,12345678901234567890]`},
		"a solidus is not escaped":                 {`"\/"`, `"/"`},
		"short escapes stay":                       {`"\b\t\n\f\r\"\\"`, `"\b\t\n\f\r\"\\"`},
		"short escapes are used":                   {`"\u0008\u0009\u000A\u000c\u000d\u0022\u005C"`, `"\b\t\n\f\r\"\\"`},
		"other controls are \\u00 and lower case":  {`"\u0000\u001F\u000B"`, `"\u0000\u001f\u000b"`},
		"everything else is itself":                {`"\u007f\u00e9\u2028\u20AC\u0041"`, "\"\u007fé\u2028€A\""},
		"a pair is one character":                  {`"\uD83D\ude00"`, `"😀"`},
		"a lone surrogate stays, in lower case":    {`"\uD83Dx\uDE00"`, `"\ud83dx\ude00"`},
		"a first half before a pair stays alone":   {`"\ud83d\ud83d\ude00"`, `"\ud83d😀"`},
		"halves the wrong way round stay":          {`"\ude00\ud83d"`, `"\ude00\ud83d"`},
		"a half before another escape stays":       {`"\ud83d\n\ud83d\u0041\ud83d"`, `"\ud83d\n\ud83dA\ud83d"`},
		"text that looks like a surrogate is told": {`"\\ud83d"`, `"\\ud83d"`},
		"names that are lone surrogates are told": {"{\"\uff5a\":4,\"\\udc00\":1,\"\\ud800\":2,\"\\ud800\":3}",
			"{\"\\ud800\":3,\"\\udc00\":1,\"\uff5a\":4}"},
		"words stay":                                   {`[true,false,null]`, `[true,false,null]`},
		"objects in repeated names go with them":       {`{"a":{"z":1,"y":[{"q":1,"p":2}]},"a":[{"d":1,"c":2}]}`, `{"a":[{"c":2,"d":1}]}`},
		"an object of many names is sorted like a few": {manyNames(false), manyNames(true)},
	} {
		t.Run(name, func(t *testing.T) {
			if got := canonicalText(t, c.in); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if v, ok := refParse([]byte(c.in)); !ok || refCanonical(v) != c.want {
				t.Errorf("the reference says %s", refCanonical(v))
			}
			if got := canonicalText(t, c.want); got != c.want {
				t.Errorf("again: %s", got)
			}
		})
	}
}

// manyNames has more names than are sorted by insertion, each twice unless sorted.
func manyNames(sorted bool) string {
	var members []string
	if !sorted {
		for n := range 100 {
			members = append(members, fmt.Sprintf(`"n%02d" : 0`, n*37%100))
		}
	}
	for n := range 100 {
		if !sorted {
			n = 99 - n
		}
		members = append(members, fmt.Sprintf(`"n%02d":%d`, n, n))
	}
	return "{" + strings.Join(members, ",") + "}"
}

// The ids of the documented payloads are a promise: a store, and whoever dedupes by them, must find them again after
// any update. They were computed with another language's JSON library.
func TestIDsOfTheSamplesNeverChange(t *testing.T) {
	want := map[string]string{
		"conversation_create": "4cf3c51aac6490b48d599de796446e38", "message_text": "2a429648bcb60adb3cae7ba45cc31756",
		"message_image": "6647ad15906d1e23fe8502d2bce2729b", "message_form": "3c85727b6f50b461e388bafa14fa23ad",
		"message_file_upload": "c6149846685ca303ccf8350e974a0308", "message_calendar": "d163ebecd4f61dfed4730dac6da9522f",
		"message_audio": "e65959785b3bb12a4f0dceeeee5c2838", "message_calendly": "56d2be6ae50cb173379a5a45c80a3a6f",
		"message_video": "268d98a275c649603a08c664e61e1ae3", "message_list_whatsapp": "acb8a7a8736d2d9c37126b0ff0b313de",
		"message_javascript": "ea0cc26c7a0d58f1834c715b536c7f59", "message_button": "7488f4cbcca20685a8994237172138ac",
		"message_document": "feaedbcd394a776f5ac83d7c28bf063d", "message_carousel": "05ff5b01700fcbb486859f52717fd829",
		"message_javascript_response": "4d0fdcef975e866ae2632fdb3deef6f8",
		"message_slider_response":     "56ad195bc6ae28783175374271e4d769", "message_slider": "19df680b6e8f164b8879ab21ca39272f",
		"message_appointment_booking_response": "f372f7c6f56ee88e6c4b62f3ef355480",
		"message_button_response":              "32c887702601ec473eee90fd3e98b40e",
		"message_form_response":                "d879ab5f367a77eeeef2893f166483c0",
		"message_file_upload_response":         "230900f83065ccc89ca71df528cd46cb",
		"message_appointment_booking":          "82afef33c2d920ae50f86bf533949a20",
	}
	samples := Samples()
	if len(samples) != 22 || len(want) != 22 {
		t.Fatalf("%d samples, %d ids", len(samples), len(want))
	}
	for _, s := range samples {
		b, err := ParseBody(s.Data)
		if err != nil || len(b.Elements) != 1 {
			t.Fatalf("%s: %d elements, %v", s.Name, len(b.Elements), err)
		}
		if got := fmt.Sprintf("%x", b.Elements[0].ID); got != want[s.Name] {
			t.Errorf("%s: id %s, was %s", s.Name, got, want[s.Name])
		}
		if again, err := ID(b.Elements[0].Data); err != nil || again != b.Elements[0].ID {
			t.Errorf("%s: ID gives %x, %v", s.Name, again, err)
		}
	}
}

func TestSamplesAreTheFilesInOrder(t *testing.T) {
	files, err := filepath.Glob("samples/*.json")
	if err != nil {
		t.Fatal(err)
	}
	samples := Samples()
	if len(files) != len(samples) || samples[0].Name != "conversation_create" || samples[1].Name != "message_text" {
		t.Fatalf("%d files, %d samples, the first %s and %s", len(files), len(samples), samples[0].Name, samples[1].Name)
	}
	for i, f := range files {
		data, err := os.ReadFile(f)
		if err != nil || string(data) != string(samples[i].Data) || !strings.HasSuffix(f, "-"+samples[i].Name+".json") {
			t.Errorf("%s is not sample %s: %v", f, samples[i].Name, err)
		}
	}
}

func TestTheSameEventSentDifferently(t *testing.T) {
	for _, s := range Samples() {
		var loose map[string]any
		d := json.NewDecoder(strings.NewReader(string(s.Data)))
		d.UseNumber()
		if err := d.Decode(&loose); err != nil {
			t.Fatal(err)
		}
		indented, err := json.MarshalIndent(loose, " ", "\t") // other order, other white space, other escapes
		if err != nil {
			t.Fatal(err)
		}
		a, err1 := ParseBody(s.Data)
		b, err2 := ParseBody(indented)
		if err1 != nil || err2 != nil || a.Elements[0].ID != b.Elements[0].ID {
			t.Errorf("%s: %v, %v, another id", s.Name, err1, err2)
		}
	}
}
