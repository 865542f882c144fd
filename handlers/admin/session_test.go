package admin

import "testing"

func TestAgentName(t *testing.T) {
	const chrome = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0"
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64) " + chrome + " Safari/537.36":                            "Chrome · Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + chrome + " Safari/537.36 Edg/143.0.0.0":    "Edge · Windows",
		"Mozilla/5.0 (Linux; Android 16; K) " + chrome + " Mobile Safari/537.36":                  "Chrome · Android",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0":    "Firefox · macOS",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) Version/26.1 Mobile Safari/604.1": "Safari · iOS",
		"curl/8.17.0": "curl/8.17.0",
		"":            "",
	} {
		if got := agentName(agent); got != want {
			t.Errorf("%q: got %q, want %q", agent, got, want)
		}
	}
}
