package admin

// chart is a picture of bars, which the template partials/admin_chart draws as SVG. It is stretched to
// the room that there is, so its words stand around it and not in it.
type chart struct {
	ID     string // of its elements in the page
	Title  string
	Text   string // what is to be seen, for who does not see it
	Legend []badge
	Marks  []string // under it, from its left end to its right one

	Top, Bottom   string // what its edges stand for; Bottom is empty where nothing goes down
	Width, Height int
	Zero          int // how far down the line is from which the bars begin
	Slots         []drawnSlot
}

// slot is the place of one bar, and what stands in it.
type slot struct {
	Title string
	Up    int64 // from the line upwards, the whole width
	Front int64 // in front of it, narrower
	Down  int64 // from the line downwards
	Pale  bool  // what goes up is only there to be compared with
}

// drawnSlot is a slot in the units of the picture.
type drawnSlot struct {
	Title string
	X     int
	Bars  []bar
}

type bar struct {
	Look                string
	X, Y, Width, Height int
}

// The units of a picture.
const (
	chartHeight = 200
	slotWidth   = 12
	barWidth    = 10
	frontWidth  = 4
)

// draw sets out the bars. The upper edge is a round figure, and so is the lower one; the label puts
// them into words.
func (c *chart) draw(slots []slot, label func(edge int64) string) {
	var up, down int64
	for _, s := range slots {
		up, down = max(up, s.Up, s.Front), max(down, s.Down)
	}
	up, down = roundUp(up), roundUp(down)
	if c.Top = label(up); down > 0 {
		c.Bottom = label(down)
	}
	all := max(up+down, 1)
	c.Width, c.Height, c.Zero = max(len(slots), 1)*slotWidth, chartHeight, int(up*chartHeight/all)
	if up+down == 0 {
		c.Zero = chartHeight
	}
	for i, s := range slots {
		drawn, look := drawnSlot{Title: s.Title, X: i * slotWidth}, "up"
		if s.Pale {
			look = "pale"
		}
		for _, b := range []struct {
			look  string
			value int64
			width int
		}{{look, s.Up, barWidth}, {"front", s.Front, frontWidth}, {"down", s.Down, barWidth}} {
			if b.value <= 0 {
				continue
			}
			drawing := bar{Look: b.look, X: drawn.X + (slotWidth-b.width)/2, Y: c.Zero, Width: b.width}
			drawing.Height = max(int(b.value*chartHeight/all), 1)
			if b.look != "down" {
				drawing.Y -= drawing.Height
			}
			drawn.Bars = append(drawn.Bars, drawing)
		}
		c.Slots = append(c.Slots, drawn)
	}
}

// roundUp returns the next figure that is one digit, or ten, and then nothing but noughts.
func roundUp(n int64) int64 {
	if n <= 0 {
		return 0
	}
	for unit := int64(1); ; unit *= 10 {
		for _, times := range []int64{1, 2, 3, 4, 5, 6, 8} {
			if n <= times*unit || unit > 1e17 {
				return max(n, times*unit)
			}
		}
	}
}

// share is how much of the most something is, in percent.
func share(part, most int64) int {
	if part <= 0 || most <= 0 {
		return 0
	}
	return int(part * 100 / most)
}
