package models_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"saoma/models"
	"saoma/models/modelstest"
)

// BenchmarkFilledShop reads a shop with SAOMA_BENCH_ORDERS orders, which is filled once for all parts:
// lists, counts, an export, figures. SAOMA_BENCH_DRIVER may be mysql.
func BenchmarkFilledShop(b *testing.B) {
	s, n := filledShop(b)
	benchLists(b, s, n)
	benchCounts(b, s)
	b.Run("export", func(b *testing.B) { benchExport(b, s, n) })
	benchFigures(b, s, n)
}

func filledShop(b *testing.B) (*models.Store, int) {
	b.Helper()
	n := 20_000
	if text := os.Getenv("SAOMA_BENCH_ORDERS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	o := modelstest.Options(b)
	if os.Getenv("SAOMA_BENCH_DRIVER") == models.DriverMySQL {
		o = modelstest.MySQLOptions(b)
	}
	o.Now = func() time.Time { return fillStart.Add(time.Duration(n)*time.Minute + 48*time.Hour) }
	s := modelstest.Open(b, o)
	start := time.Now()
	if o.Driver == models.DriverSQLite { // what is filled in lies all over the file
		fillTx(b, s, func(tx *models.Tx) error {
			return errors.Join(tx.Exec("PRAGMA cache_size = -2000000"), tx.Exec("PRAGMA wal_autocheckpoint = 100000"))
		})
	}
	fillOrders(b, s, n)
	fillTrouble(b, s, n)
	b.Logf("%d orders filled in %s", n, time.Since(start).Round(time.Second))
	return s, n
}

func benchLists(b *testing.B, s *models.Store, n int) {
	middle := listed(b, s, models.OrderFilter{To: fillStart.Add(time.Duration(n/2) * time.Minute)}, models.Paging{Limit: 1}).Rows[0].Number
	for _, bb := range []struct {
		name   string
		filter models.OrderFilter
		paging models.Paging
	}{
		{"page 1", models.OrderFilter{}, models.Paging{}},
		{fmt.Sprintf("page %d", n/100), models.OrderFilter{}, models.Paging{After: middle}},
		{"by status page 1", models.OrderFilter{Status: models.OrderExpired}, models.Paging{}},
		{"by status from the middle", models.OrderFilter{Status: models.OrderExpired}, models.Paging{After: middle}},
		{"by gateway", models.OrderFilter{Gateway: models.Pass2Pay}, models.Paging{}},
		{"by wallet", models.OrderFilter{Wallet: models.Alipay}, models.Paging{}},
		{"by product page 1", models.OrderFilter{Product: "GOOD-2"}, models.Paging{}},
		{"by product from the middle", models.OrderFilter{Product: "GOOD-2"}, models.Paging{After: middle}},
		{"by refunds page 1", models.OrderFilter{Only: models.OnlyRefunded}, models.Paging{}},
		{"by refunds from the middle", models.OrderFilter{Only: models.OnlyRefunded}, models.Paging{After: middle}},
		{"by open incidents", models.OrderFilter{Only: models.OnlyIncident}, models.Paging{}},
		{"by missing confirmation", models.OrderFilter{Only: models.OnlyUnconfirmed}, models.Paging{}},
		{"by date", models.OrderFilter{From: fillStart.Add(24 * time.Hour), To: fillStart.Add(48 * time.Hour)}, models.Paging{}},
		{"search a number", models.OrderFilter{Text: middle}, models.Paging{}},
		{"search a family", models.OrderFilter{Text: "wong"}, models.Paging{}},
		{"search two words", models.OrderFilter{Text: "wong buyer42"}, models.Paging{}},
		{"search what begins many", models.OrderFilter{Text: "p2"}, models.Paging{}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			bb.paging.Limit = 50
			for b.Loop() {
				listed(b, s, bb.filter, bb.paging)
			}
		})
	}
}

func benchCounts(b *testing.B, s *models.Store) {
	for _, bb := range []struct {
		name   string
		filter models.OrderFilter
	}{
		{"count all", models.OrderFilter{}},
		{"count a status", models.OrderFilter{Status: models.OrderExpired}},
		{"count the refunded", models.OrderFilter{Only: models.OnlyRefunded}},
		{"count a family", models.OrderFilter{Text: "wong"}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := s.CountOrders(b.Context(), bb.filter); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// benchExport visits every order once, however often the others are repeated, as an export does, and
// tells the most memory that it held at a time.
func benchExport(b *testing.B, s *models.Store, n int) {
	visited, most := 0, uint64(0)
	start := time.Now()
	err := s.EachOrder(b.Context(), models.OrderFilter{}, func(rows []models.OrderRow) error {
		visited += len(rows)
		if visited%50_000 == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
		}
		return nil
	})
	if err != nil || visited != n {
		b.Fatalf("visited %d of %d orders: %v", visited, n, err)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(time.Since(start).Seconds(), "s")
	b.ReportMetric(float64(most>>20), "MB-heap")
}

// benchFigures counts and reads the figures of a shop that sells 1,440 times a day.
func benchFigures(b *testing.B, s *models.Store, n int) {
	last := n / (24 * 60) // days
	read := func(name string, count int) {
		var spans []models.Span
		for i := max(last-count, 0); i < last; i++ {
			spans = append(spans, models.Span{From: fillStart.AddDate(0, 0, i), To: fillStart.AddDate(0, 0, i+1)})
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Figures(b.Context(), spans); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	read("figures of a day, counted", 1)
	read("figures of 30 days, counted", 30)
	start := time.Now()
	if err := s.CloseDays(b.Context(), time.UTC); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d days closed in %s", last, time.Since(start).Round(time.Second))
	read("figures of 30 days, kept", 30)
	read("figures of a year, kept", 365)
}
