package web

import "testing"

func TestCountriesHaveNames(t *testing.T) {
	for code := range shortNames {
		all, seen := newCountries(code).all, map[string]bool{}
		for _, country := range all {
			if country.Name == "" || seen[country.Name] {
				t.Errorf("%s: got %q for %s, want a name of its own", code, country.Name, country.Code)
			}
			seen[country.Name] = true
		}
		if len(all) < 240 || all[0].Code != "CN" {
			t.Errorf("%s: got %d countries, the first %v, want all, China first", code, len(all), all[0])
		}
	}
}
