package models_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
)

var boss = models.CommandLine()

// hire makes a member of staff who can log in.
func hire(t *testing.T, s *models.Store, email string, role models.Role) *models.Staff {
	t.Helper()
	m, err := s.CreateStaff(t.Context(), boss, email, role, "hash")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// open begins a session of the member and returns its token.
func open(t *testing.T, s *models.Store, m *models.Staff) string {
	t.Helper()
	token := models.NewToken()
	if err := s.OpenStaffSession(t.Context(), actorOf(m), false, token, "", "Browser"); err != nil {
		t.Fatal(err)
	}
	return token
}

func actorOf(m *models.Staff) models.Actor {
	return models.Actor{StaffID: m.ID, Name: m.Email, Address: "203.0.113.7"}
}

// inForce reports whether the token opens the desk.
func inForce(t *testing.T, s *models.Store, token string) bool {
	t.Helper()
	session, err := s.StaffSession(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return session != nil
}

// clock is one that a test moves.
type clock struct{ at atomic.Int64 }

func newClock(o *models.Options) *clock {
	c := &clock{}
	c.at.Store(time.Now().UnixMilli())
	o.Now = func() time.Time { return time.UnixMilli(c.at.Load()) }
	return c
}

func (c *clock) pass(d time.Duration) { c.at.Add(d.Milliseconds()) }

func TestSetUp(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		clock := newClock(&o)
		ctx, s := t.Context(), modelstest.Open(t, o)
		link := func() string {
			token, err := s.NewSetupLink(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
		stale := link()
		clock.pass(models.StaffLinkAge)
		first, second := link(), link()
		for name, token := range map[string]string{"stale": stale, "empty": "", "made up": models.NewToken()} {
			if err := s.CheckSetupLink(ctx, token); !errors.Is(err, models.ErrLinkDead) {
				t.Errorf("%s link: got %v, want it dead", name, err)
			}
			if _, err := s.SetUp(ctx, "", token, "eve@example.com", "hash"); !errors.Is(err, models.ErrLinkDead) {
				t.Errorf("set up by a %s link: got %v, want it dead", name, err)
			}
		}
		if err := s.CheckSetupLink(ctx, first); err != nil {
			t.Errorf("first link: got %v, want it open", err)
		}
		m, err := s.SetUp(ctx, "203.0.113.7", second, " Ada@Example.com ", "hash")
		if err != nil || m.Email != "ada@example.com" || m.Role != models.RoleOwner {
			t.Fatalf("set up: got %+v, %v, want the owner", m, err)
		}
		for name, token := range map[string]string{"the other": first, "the used": second} {
			if _, err := s.SetUp(ctx, "", token, "eve@example.com", "hash"); !errors.Is(err, models.ErrLinkDead) {
				t.Errorf("set up by %s link: got %v, want it dead", name, err)
			}
		}
		if token := link(); token != "" {
			t.Errorf("link of a shop with an owner: got %q, want none", token)
		}
	})
}

// TestSetUpOnce sets a shop up with several links at the same moment.
func TestSetUpOnce(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := t.Context(), modelstest.Open(t, o)
		const people = 8
		tokens := make([]string, people)
		for i := range tokens {
			var err error
			if tokens[i], err = s.NewSetupLink(ctx); err != nil {
				t.Fatal(err)
			}
		}
		var owners atomic.Int64
		var wg sync.WaitGroup
		for i, token := range tokens {
			wg.Go(func() {
				switch _, err := s.SetUp(ctx, "", token, fmt.Sprintf("p%d@example.com", i), "hash"); {
				case err == nil:
					owners.Add(1)
				case !errors.Is(err, models.ErrLinkDead):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if owners.Load() != 1 {
			t.Errorf("%d people at once: got %d owners, want 1", people, owners.Load())
		}
	})
}

func TestInvitation(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		clock := newClock(&o)
		ctx, s := t.Context(), modelstest.Open(t, o)
		m, token, err := s.InviteStaff(ctx, boss, "Bob@Example.com", models.RoleOrders)
		if err != nil || !m.Invited() || m.Active() {
			t.Fatalf("invite: got %+v, %v, want somebody who cannot log in yet", m, err)
		}
		if _, _, err := s.InviteStaff(ctx, boss, "bob@example.com", models.RoleOwner); !errors.Is(err, models.ErrStaffExists) {
			t.Errorf("invite again: got %v, want %v", err, models.ErrStaffExists)
		}
		if _, _, err := s.InviteStaff(ctx, boss, "eve@example.com", "boss"); !errors.Is(err, models.ErrRoleUnknown) {
			t.Errorf("invite to no role: got %v, want %v", err, models.ErrRoleUnknown)
		}
		clock.pass(models.StaffLinkAge)
		if _, err := s.UseStaffLink(ctx, "", token, "hash"); !errors.Is(err, models.ErrLinkDead) {
			t.Errorf("stale link: got %v, want %v", err, models.ErrLinkDead)
		}
		void, err := s.NewStaffLink(ctx, boss, m.ID)
		if err != nil {
			t.Fatal(err)
		}
		if token, err = s.NewStaffLink(ctx, boss, m.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := s.StaffByLink(ctx, void); !errors.Is(err, models.ErrLinkDead) {
			t.Errorf("link before the last: got %v, want %v", err, models.ErrLinkDead)
		}
		if _, err := s.UseStaffLink(ctx, "203.0.113.7", token, "hash"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.UseStaffLink(ctx, "", token, "other"); !errors.Is(err, models.ErrLinkDead) {
			t.Errorf("used link: got %v, want %v", err, models.ErrLinkDead)
		}
		if m, err = s.StaffByEmail(ctx, "BOB@example.com"); err != nil || !m.Active() || m.PasswordHash != "hash" {
			t.Errorf("afterwards: got %+v, %v, want Bob active", m, err)
		}
		if token, err = s.NewStaffLink(ctx, boss, m.ID); err != nil {
			t.Fatal(err)
		}
		hire(t, s, "ada@example.com", models.RoleOwner)
		if err := s.DisableStaff(ctx, boss, m.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := s.UseStaffLink(ctx, "", token, "hash"); !errors.Is(err, models.ErrLinkDead) {
			t.Errorf("link of somebody disabled: got %v, want %v", err, models.ErrLinkDead)
		}
	})
}

func TestTheLastOwnerStays(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := t.Context(), modelstest.Open(t, o)
		ada := hire(t, s, "ada@example.com", models.RoleOwner)
		if _, _, err := s.InviteStaff(ctx, boss, "bob@example.com", models.RoleOwner); err != nil {
			t.Fatal(err) // cannot log in, so that he is no help
		}
		if err := s.DisableStaff(ctx, boss, ada.ID); !errors.Is(err, models.ErrLastOwner) {
			t.Errorf("disable the last owner: got %v, want %v", err, models.ErrLastOwner)
		}
		if _, err := s.ChangeRole(ctx, boss, ada.ID, models.RoleOwner, models.RoleFinance); !errors.Is(err, models.ErrLastOwner) {
			t.Errorf("demote the last owner: got %v, want %v", err, models.ErrLastOwner)
		}
		if changed, err := s.ChangeRole(ctx, boss, ada.ID, models.RoleOwner, models.RoleOwner); changed || err != nil {
			t.Errorf("an owner stays one: got %t, %v, want no change and no error", changed, err)
		}

		carol := hire(t, s, "carol@example.com", models.RoleOwner)
		var wg sync.WaitGroup
		errs := make([]error, 2)
		wg.Go(func() { errs[0] = s.DisableStaff(ctx, actorOf(ada), carol.ID) })
		wg.Go(func() { _, errs[1] = s.ChangeRole(ctx, actorOf(carol), ada.ID, models.RoleOwner, models.RoleReadOnly) })
		wg.Wait()
		if failed := errors.Join(errs...); !errors.Is(failed, models.ErrLastOwner) || errs[0] != nil && errs[1] != nil {
			t.Errorf("two owners against each other: got %v, want one to win", errs)
		}
	})
}

func TestSessionsEnd(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		clock := newClock(&o)
		ctx, s := t.Context(), modelstest.Open(t, o)
		hire(t, s, "owner@example.com", models.RoleOwner)
		m := hire(t, s, "ada@example.com", models.RoleOwner)
		by := actorOf(m)
		ends := map[string]func(token string, session *models.StaffSession) error{
			"logged out": func(_ string, session *models.StaffSession) error { return s.LogOut(ctx, by, session) },
			"ended": func(_ string, session *models.StaffSession) error {
				return s.EndStaffSession(ctx, by, m.ID, session.ID)
			},
			"all ended":        func(string, *models.StaffSession) error { return s.EndStaffSessions(ctx, by, m.ID, "") },
			"another password": func(string, *models.StaffSession) error { return s.SetPassword(ctx, by, m.ID, "other", "") },
			"disabled":         func(string, *models.StaffSession) error { return s.DisableStaff(ctx, by, m.ID) },
			"idle":             func(string, *models.StaffSession) error { clock.pass(models.StaffSessionIdle); return nil },
			"replaced": func(token string, _ *models.StaffSession) error {
				return s.OpenStaffSession(ctx, by, false, models.NewToken(), token, "")
			},
			"old, though in use": func(_ string, session *models.StaffSession) error {
				for range int(models.StaffSessionAge / time.Hour) {
					clock.pass(time.Hour)
					if err := s.SeeStaffSession(ctx, session); err != nil {
						return err
					}
				}
				return nil
			},
			"proved anew": func(_ string, session *models.StaffSession) error {
				return s.ProveStaffSession(ctx, session, models.NewToken())
			},
		}
		for name, end := range ends {
			token := open(t, s, m)
			session, err := s.StaffSession(ctx, token)
			if err != nil || session == nil || session.Staff.Email != m.Email {
				t.Fatalf("%s: session before: got %+v, %v, want Ada's", name, session, err)
			}
			if err := end(token, session); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if inForce(t, s, token) {
				t.Errorf("%s: the session is still in force", name)
			}
			if err := s.EnableStaff(ctx, boss, m.ID); err != nil {
				t.Fatal(err)
			}
			if inForce(t, s, token) {
				t.Errorf("%s: the session is in force again", name)
			}
		}

		kept, other := open(t, s, m), open(t, s, m)
		session, err := s.StaffSession(ctx, kept)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.EndStaffSession(ctx, boss, hire(t, s, "eve@example.com", models.RoleOrders).ID, session.ID); !errors.Is(err, models.ErrSessionNotFound) || !inForce(t, s, kept) {
			t.Errorf("a session ended as one of somebody else's: got %v and in force %t, want it refused", err, inForce(t, s, kept))
		}
		if _, err := s.ChangeRole(ctx, boss, m.ID, models.RoleOwner, models.RoleOwner); err != nil || !inForce(t, s, kept) {
			t.Errorf("the same role again: got %v, want the session to stay", err)
		}
		if err := s.EndStaffSessions(ctx, by, m.ID, session.ID); err != nil || !inForce(t, s, kept) || inForce(t, s, other) {
			t.Errorf("end all others: got %v, want this one alone to stay", err)
		}
		if _, err := s.ChangeRole(ctx, boss, m.ID, models.RoleOwner, models.RoleFinance); err != nil || inForce(t, s, kept) {
			t.Errorf("another role: got %v, want the session ended", err)
		}
	})
}

func TestHalfALoginIsShort(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		clock := newClock(&o)
		ctx, s := t.Context(), modelstest.Open(t, o)
		m := hire(t, s, "ada@example.com", models.RoleOwner)
		token := models.NewToken()
		if err := s.OpenStaffSession(ctx, actorOf(m), true, token, "", ""); err != nil {
			t.Fatal(err)
		}
		if all, err := s.StaffSessions(ctx, m.ID); err != nil || len(all) != 0 {
			t.Errorf("sessions: got %v, %v, want half a login not to be one", all, err)
		}
		clock.pass(models.StaffHalfAge)
		if inForce(t, s, token) {
			t.Error("half a login after its time: got it in force")
		}
		if m, err := s.StaffByID(ctx, m.ID); err != nil || m.LastLoginAt != nil {
			t.Errorf("last login: got %v, %v, want none", m.LastLoginAt, err)
		}
	})
}

func TestTOTPCodesWorkOnce(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := t.Context(), modelstest.Open(t, o)
		m := hire(t, s, "ada@example.com", models.RoleOwner)
		other, kept := open(t, s, m), open(t, s, m)
		session, err := s.StaffSession(ctx, kept)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.BeginTOTP(ctx, m.ID, "sealed"); err != nil {
			t.Fatal(err)
		}
		for sealed, want := range map[string]bool{"": false, "older": false} {
			if done, err := s.ConfirmTOTP(ctx, actorOf(m), sealed, 100, nil, session.ID); err != nil || done != want {
				t.Errorf("confirm %q: got %t, %v, want %t", sealed, done, err, want)
			}
		}
		if log, err := s.AuditEntries(ctx, 0, 1); err != nil || log[0].Action != "log_in" {
			t.Errorf("last in the audit log: got %+v, %v, want no second factor", log, err)
		}
		if done, err := s.ConfirmTOTP(ctx, actorOf(m), "sealed", 100, []string{"a", "b"}, session.ID); err != nil || !done {
			t.Fatalf("confirm: got %t, %v, want it done", done, err)
		}
		if inForce(t, s, other) || !inForce(t, s, kept) {
			t.Error("sessions without the second factor: got them in force, or this one not")
		}
		var fits atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				ok, err := s.UseTOTPStep(ctx, m.ID, 101)
				if err != nil {
					t.Error(err)
				}
				if ok {
					fits.Add(1)
				}
			})
		}
		wg.Wait()
		if fits.Load() != 1 {
			t.Errorf("one code at once: got it to fit %d times, want 1", fits.Load())
		}
		if ok, err := s.UseTOTPStep(ctx, m.ID, 100); ok || err != nil {
			t.Errorf("an older code: got %t, %v, want it refused", ok, err)
		}
		for i, want := range []bool{true, false} {
			if ok, err := s.UseRecoveryCode(ctx, actorOf(m), "a"); ok != want || err != nil {
				t.Errorf("recovery code, time %d: got %t, %v, want %t", i+1, ok, err, want)
			}
		}
		if n, err := s.RecoveryCodesLeft(ctx, m.ID); n != 1 || err != nil {
			t.Errorf("recovery codes left: got %d, %v, want 1", n, err)
		}
		if err := s.RemoveTOTP(ctx, boss, m.ID); err != nil {
			t.Fatal(err)
		}
		n, err := s.RecoveryCodesLeft(ctx, m.ID)
		if m, _ := s.StaffByID(ctx, m.ID); m.HasTOTP() || n != 0 || err != nil {
			t.Errorf("second factor removed: got %t with %d recovery codes, %v, want nothing left", m.HasTOTP(), n, err)
		}
	})
}

func TestTryLogin(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		clock := newClock(&o)
		ctx, s := t.Context(), modelstest.Open(t, o)
		limit := models.LoginLimit{Name: "ada", Burst: 5, Every: time.Minute}
		var allowed atomic.Int64
		try := func(times int) int64 {
			allowed.Store(0)
			var wg sync.WaitGroup
			for range times {
				wg.Go(func() {
					switch err := s.TryLogin(ctx, limit); {
					case err == nil:
						allowed.Add(1)
					case !errors.Is(err, models.ErrTooManyLogins):
						t.Error(err)
					}
				})
			}
			wg.Wait()
			return allowed.Load()
		}
		if got := try(20); got != 5 {
			t.Errorf("20 tries at once: got %d allowed, want 5", got)
		}
		clock.pass(time.Minute)
		if got := try(5); got != 1 {
			t.Errorf("a minute later: got %d allowed, want 1", got)
		}
		clock.pass(time.Hour)
		if got := try(20); got != 5 {
			t.Errorf("an hour later: got %d allowed, want 5 and no more", got)
		}
		fresh := models.LoginLimit{Name: "address", Burst: 1, Every: time.Minute}
		if err := s.TryLogin(ctx, fresh, limit); !errors.Is(err, models.ErrTooManyLogins) {
			t.Errorf("one limit of two: got %v, want %v", err, models.ErrTooManyLogins)
		}
		if err := s.TryLogin(ctx, fresh); err != nil {
			t.Errorf("the other limit alone: got %v, want the refused try not counted", err)
		}
		if err := s.ForgetTries(ctx, "ada"); err != nil {
			t.Fatal(err)
		}
		if got := try(20); got != 5 {
			t.Errorf("forgotten: got %d allowed, want 5", got)
		}
	})
}

func TestAuditRefusal(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		clock := newClock(&o)
		ctx, s := t.Context(), modelstest.Open(t, o)
		refuse := func(who string) {
			t.Helper()
			each := models.LoginLimit{Name: "refused " + who, Burst: 1, Every: time.Minute}
			all := models.LoginLimit{Name: "all", Burst: 3, Every: time.Minute}
			if err := s.AuditRefusal(ctx, models.Actor{Address: "203.0.113.7"}, "refuse_login", who, each, all); err != nil {
				t.Fatal(err)
			}
		}
		check := func(when string, want ...string) {
			t.Helper()
			entries, err := s.AuditEntries(ctx, 0, 20)
			var got []string
			for _, e := range entries {
				got = append(got, e.Subject)
			}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", when, err, diff)
			}
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { refuse("ada") })
		}
		wg.Wait()
		check("many alike at once", "ada")
		for _, who := range []string{"bob", "cid", "dan", "eve"} {
			refuse(who)
		}
		check("many others", "cid", "bob", "ada")
		clock.pass(time.Minute)
		refuse("ada")
		refuse("bob")
		check("later", "ada", "cid", "bob", "ada")
		if _, err := s.VerifyAudit(ctx, func(broken error) { t.Error(broken) }); err != nil {
			t.Error(err)
		}
	})
}

func TestDeleteOldStaffRows(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		clock := newClock(&o)
		ctx, s := t.Context(), modelstest.Open(t, o)
		m := hire(t, s, "ada@example.com", models.RoleOwner)
		open(t, s, m)
		if _, err := s.NewStaffLink(ctx, boss, m.ID); err != nil {
			t.Fatal(err)
		}
		if err := s.TryLogin(ctx, models.LoginLimit{Name: "ada", Burst: 5, Every: time.Minute}); err != nil {
			t.Fatal(err)
		}
		rows := func() (n int) {
			t.Helper()
			if err := s.DeleteOldStaffRows(ctx); err != nil {
				t.Fatal(err)
			}
			err := s.Tx(ctx, func(tx *models.Tx) error {
				return tx.Read(&n, "SELECT (SELECT COUNT(*) FROM staff_sessions) + (SELECT COUNT(*) FROM staff_links) + (SELECT COUNT(*) FROM login_tries)")
			})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if got := rows(); got != 3 {
			t.Errorf("rows in force: got %d, want 3", got)
		}
		clock.pass(models.StaffLinkAge)
		if got := rows(); got != 0 {
			t.Errorf("rows whose time is over: got %d, want 0", got)
		}
	})
}

func TestAuditIsChained(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := t.Context(), modelstest.Open(t, o)
		verify := func() (entries int, broken []string) {
			t.Helper()
			entries, err := s.VerifyAudit(ctx, func(err error) { broken = append(broken, err.Error()) })
			if err != nil {
				t.Fatal(err)
			}
			return entries, broken
		}
		if n, broken := verify(); n != 0 || broken != nil {
			t.Errorf("empty log: got %d entries, broken %v", n, broken)
		}
		var wg sync.WaitGroup
		const acts = 30
		for i := range acts {
			wg.Go(func() {
				if err := s.Audit(ctx, models.Actor{StaffID: "1", Name: "ada"}, "act", fmt.Sprint(i), ""); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		failed := errors.New("the act failed")
		err := s.Tx(ctx, func(tx *models.Tx) error {
			if err := tx.AddAudit(boss, "act", "none", ""); err != nil {
				return err
			}
			return failed
		})
		if !errors.Is(err, failed) {
			t.Fatalf("act that fails: got %v", err)
		}
		if n, broken := verify(); n != acts || broken != nil {
			t.Fatalf("log: got %d entries, broken %v, want %d and none", n, broken, acts)
		}
		page, err := s.AuditEntries(ctx, 0, 20)
		if err != nil || len(page) != 20 || page[0].Seq != acts {
			t.Fatalf("first page: got %d entries, %v, want 20 from the newest on", len(page), err)
		}
		rest, err := s.AuditEntries(ctx, page[19].Seq, 20)
		if err != nil || len(rest) != 10 || rest[0].Seq != 10 || rest[9].Seq != 1 {
			t.Errorf("second page: got %d entries, %v, want 10 to 1", len(rest), err)
		}

		for _, damage := range []struct {
			do   string
			want int // places that are broken by then
		}{
			{"DELETE FROM audit WHERE seq > 25", 1},
			{"UPDATE audit SET subject = 'x' WHERE seq = 7", 2},
			{"DELETE FROM audit WHERE seq = 12", 3},
		} {
			if err := s.Tx(ctx, func(tx *models.Tx) error { return tx.Exec(damage.do) }); err != nil {
				t.Fatal(err)
			}
			if _, broken := verify(); len(broken) != damage.want {
				t.Errorf("%s: got broken %q, want %d places", damage.do, broken, damage.want)
			}
		}
	})
}

func TestSettings(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := t.Context(), modelstest.Open(t, o)
		for _, want := range []string{"", "yes", "no"} {
			if want != "" {
				if err := s.SetSetting(ctx, boss, models.SettingRequireTOTP, want); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := s.Setting(context.Background(), models.SettingRequireTOTP); got != want || err != nil {
				t.Errorf("setting: got %q, %v, want %q", got, err, want)
			}
		}
	})
}
