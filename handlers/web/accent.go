package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"saoma/models"
	"saoma/static"
)

// Accent is what pages make of the one colour that is the merchant's. The colour itself fills buttons.
// Everything else is made from it so that it can be read whatever was chosen, by the ratios of WCAG AA.
type Accent struct {
	Sheet  string // address of the style sheet with the shades; empty: app.css has them
	Fill   rgb    // the colour itself
	OnFill rgb    // words on it
	Edge   rgb    // around it, where nobody knows on what ground, as in a mail

	colour string // as the setting has it
}

// accentNow returns the accent of the shop as it is set now.
func (b *Base) accentNow() *Accent {
	colour := b.Store.Settings().Accent
	if known := b.accent.Load(); known != nil && known.colour == colour {
		return known
	}
	fill, _ := parseRGB(strings.TrimPrefix(colour, "#")) // nothing else can be set
	a := &Accent{Fill: fill, OnFill: wordsOn(fill), Edge: onDark.apart(onLight.apart(fill, boundary), boundary), colour: colour}
	if colour != models.DefaultAccent {
		a.Sheet = newAccentSheet(fill).Address
	}
	b.accent.Store(a)
	return a
}

const accentPath, accentExt = "/static/accent-", ".css"

// darkScreen is where the shades of the dark apply: what is printed is on white paper.
const darkScreen = "@media screen and (prefers-color-scheme:dark)"

// newAccentSheet returns the style sheet that gives the pages the shades of the colour, in place of those
// of app.css.
func newAccentSheet(fill rgb) *static.File {
	on := wordsOn(fill)
	deep := fill.mix(white-on, 0.14)
	return static.New(fmt.Sprintf("accent-%06x%s", uint32(fill), accentExt), fmt.Appendf(nil,
		":root{--accent:%v;--fill:%v;--fill-deep:%v;--fill-edge:%v;--on-fill:%v}\n"+
			darkScreen+"{:root{--accent:%v;--fill-edge:%v}}\n",
		onLight.apart(fill, words), fill, deep, onLight.apart(fill, boundary), on,
		onDark.apart(fill, words), onDark.apart(fill, boundary)))
}

// accentSheet returns the style sheet at the address, made anew; nil when that is none. Any process
// answers for any colour, also for one of which it has not heard yet.
func accentSheet(address string) *static.File {
	name, is := strings.CutPrefix(address, accentPath)
	digits, _, _ := strings.Cut(name, ".")
	fill, err := parseRGB(digits)
	if !is || err != nil {
		return nil
	}
	if file := newAccentSheet(fill); file.Address == address {
		return file
	}
	return nil
}

// The ratios of contrast that WCAG AA asks for.
const (
	words    = 4.5
	boundary = 3.0 // of a control
)

// ground is what the accent stands on in one colour scheme.
type ground struct {
	surfaces []rgb // --paper, --panel and --tint of app.css
	away     rgb   // what is furthest from them
}

var (
	onLight = ground{[]rgb{0xfaf8f4, 0xffffff, 0xf2ede4}, black}
	onDark  = ground{[]rgb{0x161412, 0x201d1a, 0x2a2622}, white}
)

// apart returns the colour, or the nearest shade of it that has the contrast to every surface.
func (g ground) apart(c rgb, contrast float64) rgb {
	for step := range 100 {
		if shade := c.mix(g.away, float64(step)/100); g.shows(shade, contrast) {
			return shade
		}
	}
	return g.away
}

func (g ground) shows(c rgb, contrast float64) bool {
	for _, surface := range g.surfaces {
		if contrastOf(c, surface) < contrast {
			return false
		}
	}
	return true
}

// wordsOn returns the colour of words on a ground: one of the two always has the contrast.
func wordsOn(c rgb) rgb {
	if contrastOf(white, c) >= words {
		return white
	}
	return black
}

// rgb is a colour as CSS writes it: 0xrrggbb.
type rgb uint32

const (
	black rgb = 0x000000
	white rgb = 0xffffff
)

func parseRGB(digits string) (rgb, error) {
	if len(digits) != 6 {
		return 0, strconv.ErrSyntax
	}
	n, err := strconv.ParseUint(digits, 16, 32)
	return rgb(n), err
}

func (c rgb) String() string { return fmt.Sprintf("#%06x", uint32(c)) }

func (c rgb) channels() [3]float64 {
	return [3]float64{float64(c >> 16), float64(c >> 8 & 0xff), float64(c & 0xff)}
}

// mix returns the colour with a share of another.
func (c rgb) mix(other rgb, share float64) rgb {
	var mixed rgb
	theirs := other.channels()
	for i, own := range c.channels() {
		mixed = mixed<<8 | rgb(math.Round(own+(theirs[i]-own)*share))
	}
	return mixed
}

// luminance is how bright the colour is, from 0 to 1, as WCAG defines it.
func (c rgb) luminance() float64 {
	var sum float64
	for i, v := range c.channels() {
		if v /= 255; v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += v * [...]float64{0.2126, 0.7152, 0.0722}[i]
	}
	return sum
}

// contrastOf is the ratio of two colours, from 1 to 21, as WCAG defines it.
func contrastOf(a, b rgb) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}
