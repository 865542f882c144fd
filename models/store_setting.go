package models

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// setting is a row of something that the merchant changes while the shop runs.
type setting struct {
	Name      string `gorm:"primaryKey"`
	Value     string
	UpdatedAt time.Time
}

// SettingRequireTOTP is "yes" when nobody may work at the desk without a second factor.
const SettingRequireTOTP = "require_totp"

// settingsVersion is the row that has another value after every change of the Settings. Whoever
// changes them writes it first, so that changes stand in line.
const settingsVersion = "version"

// settingsEvery is how often a store looks whether another process has changed the settings.
const settingsEvery = time.Second

// readSettings are the settings as they were read.
type readSettings struct {
	Settings
	version string
}

// Settings returns the settings, as this process knows them: a change made here is known at once, one
// made by another process within about a second. What must be exact reads Tx.Settings.
func (s *Store) Settings() Settings { return s.settings.Load().Settings }

// Settings returns the settings as they are in the transaction.
func (tx *Tx) Settings() (Settings, error) {
	known := tx.store.settings.Load()
	version, err := settingValue(tx.db, settingsVersion)
	if err != nil || version == known.version {
		return known.Settings, err
	}
	fresh, err := tx.store.readSettings(tx.db)
	return fresh.Settings, err
}

// learnSettings reads the settings if they were changed since they were last read.
func (s *Store) learnSettings(ctx context.Context) error {
	s.learning.Lock() // what was read earlier never replaces what was read later
	defer s.learning.Unlock()
	return s.query(ctx, func(db *gorm.DB) error {
		version, err := settingValue(db, settingsVersion)
		if err != nil {
			return err
		}
		if known := s.settings.Load(); known != nil && known.version == version {
			return nil
		}
		fresh, err := s.readSettings(db)
		if err == nil {
			s.settings.Store(&fresh)
		}
		return err
	})
}

// watchSettings learns what other processes change, until the store closes.
func (s *Store) watchSettings() {
	tick := time.NewTicker(settingsEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-tick.C:
			_ = s.learnSettings(context.Background()) // the next look will do
		}
	}
}

// readSettings reads all settings in one statement. A row that says nothing sensible, as one of a newer
// program may, leaves what the configuration says.
func (s *Store) readSettings(db *gorm.DB) (readSettings, error) {
	read := readSettings{Settings: s.configured}
	var rows []setting
	if err := db.Find(&rows).Error; err != nil {
		return read, err
	}
	for _, row := range rows {
		if row.Name == settingsVersion {
			read.version = row.Value
		}
		if d, known := settingNamed(row.Name); known {
			if err := d.set(&read.Settings, row.Value); err != nil {
				s.log.Warn("a setting is ignored", "setting", row.Name, "err", err)
			}
		}
	}
	return read, nil
}

// SettingState is how a setting stands.
type SettingState struct {
	Value      string // in force
	Configured string // what the configuration says
	Here       bool   // it was set at the desk
	ChangedAt  time.Time
}

// Mark stands for the value that somebody saw, in a form.
func (s SettingState) Mark() string { return markOf(s.Value) }

func markOf(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:8])
}

// SettingStates returns how these settings stand now, by name.
func (s *Store) SettingStates(ctx context.Context, wanted ...Setting) (map[string]SettingState, error) {
	var states map[string]SettingState
	err := s.query(ctx, func(db *gorm.DB) (err error) {
		states, err = s.settingStates(db, wanted)
		return err
	})
	return states, err
}

func (s *Store) settingStates(db *gorm.DB, wanted []Setting) (map[string]SettingState, error) {
	names := make([]string, len(wanted))
	for i, d := range wanted {
		names[i] = d.Name
	}
	var rows []setting
	if err := db.Where("name IN ?", names).Find(&rows).Error; err != nil {
		return nil, err
	}
	states := make(map[string]SettingState, len(wanted))
	for _, d := range wanted {
		configured := d.Value(s.configured)
		states[d.Name] = SettingState{Value: configured, Configured: configured}
	}
	for _, row := range rows {
		state := states[row.Name]
		state.Value, state.Here, state.ChangedAt = row.Value, true, row.UpdatedAt
		states[row.Name] = state
	}
	return states, nil
}

// SettingChange is what somebody wants of a setting.
type SettingChange struct {
	Setting Setting
	Value   string // as Setting.Read returns it
	GiveUp  bool   // the configuration is to count again, whatever Value says
	Seen    string // the mark of the value that the person saw
}

// Touched reports whether the person changed what was to be seen.
func (c SettingChange) Touched() bool { return c.GiveUp || markOf(c.Value) != c.Seen }

// fulfilled reports whether the setting already stands as the person wants it.
func (c SettingChange) fulfilled(state SettingState) bool {
	if c.GiveUp {
		return !state.Here
	}
	return state.Value == c.Value
}

// unset is how the audit log writes a value that is empty.
const unset = "(empty)"

var errSettingsMoved = errors.New("settings were changed meanwhile")

// ChangeSettings changes what the person changed of what was to be seen, all of it or nothing, and
// tells which settings changed. Moved are those that somebody else has changed meanwhile: then nothing
// was changed.
func (s *Store) ChangeSettings(ctx context.Context, by Actor, wanted []SettingChange) (changed, moved []string, err error) {
	err = s.Tx(ctx, func(tx *Tx) (err error) {
		changed, moved, err = tx.changeSettings(by, wanted)
		if err == nil && len(moved) > 0 {
			err = errSettingsMoved
		}
		return err
	})
	if errors.Is(err, errSettingsMoved) {
		return nil, moved, nil
	}
	if err != nil {
		return nil, nil, err
	}
	s.learnOwn(ctx)
	return changed, nil, nil
}

// learnOwn reads what was just changed here. It is kept, and where it cannot be read now, soon known.
func (s *Store) learnOwn(ctx context.Context) {
	if err := s.learnSettings(ctx); err != nil {
		s.log.Warn("changed settings not read yet", "err", err)
	}
}

// ChangeLogo gives the shop a picture in these sizes, the largest last; without any, it has none any
// more.
func (s *Store) ChangeLogo(ctx context.Context, by Actor, sizes []Picture) error {
	err := s.Tx(ctx, func(tx *Tx) error {
		if err := tx.putSetting(settingsVersion, NewID()); err != nil {
			return err
		}
		states, err := s.settingStates(tx.db, []Setting{SetLogo})
		if err != nil {
			return err
		}
		wanted, before := SettingChange{Setting: SetLogo, Value: nameOf(sizes)}, states[SetLogo.Name]
		if wanted.fulfilled(before) {
			return nil
		}
		if err := tx.keepPicture(sizes); err != nil {
			return err
		}
		return tx.changeSetting(by, wanted, before)
	})
	if err == nil {
		s.learnOwn(ctx)
	}
	return err
}

func (tx *Tx) changeSettings(by Actor, wanted []SettingChange) (changed, moved []string, err error) {
	if err := tx.putSetting(settingsVersion, NewID()); err != nil {
		return nil, nil, err
	}
	all := make([]Setting, len(wanted))
	for i, w := range wanted {
		all[i] = w.Setting
	}
	states, err := tx.store.settingStates(tx.db, all)
	if err != nil {
		return nil, nil, err
	}
	for _, w := range wanted {
		state := states[w.Setting.Name]
		switch {
		case !w.Touched() || w.fulfilled(state):
			continue
		case state.Mark() != w.Seen:
			moved = append(moved, w.Setting.Name)
			continue
		}
		if err := tx.changeSetting(by, w, state); err != nil {
			return nil, nil, err
		}
		changed = append(changed, w.Setting.Name)
	}
	return changed, moved, nil
}

func (tx *Tx) changeSetting(by Actor, w SettingChange, before SettingState) error {
	show := func(value string) string {
		return truncate(cmp.Or(w.Setting.Show(value, tx.store.Shop.Currency), unset), 450)
	}
	if w.GiveUp {
		details := show(before.Value) + " → " + show(before.Configured) + " (as in the configuration)"
		if err := tx.AddAudit(by, "change_setting", w.Setting.Name, details); err != nil {
			return err
		}
		return tx.db.Where("name = ?", w.Setting.Name).Delete(&setting{}).Error
	}
	if err := tx.AddAudit(by, "change_setting", w.Setting.Name, show(before.Value)+" → "+show(w.Value)); err != nil {
		return err
	}
	return tx.putSetting(w.Setting.Name, w.Value)
}

func (tx *Tx) putSetting(name, value string) error {
	return tx.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&setting{Name: name, Value: value}).Error
}

// Setting returns the value of a setting that is none of the Settings, empty when it was never set.
func (s *Store) Setting(ctx context.Context, name string) (value string, err error) {
	err = s.query(ctx, func(db *gorm.DB) error {
		value, err = settingValue(db, name)
		return err
	})
	return value, err
}

func settingValue(db *gorm.DB, name string) (string, error) {
	var row setting
	err := db.Where("name = ?", name).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return "", nil
	}
	return row.Value, err
}

// SetSetting changes a setting that is none of the Settings.
func (s *Store) SetSetting(ctx context.Context, by Actor, name, value string) error {
	return s.Tx(ctx, func(tx *Tx) error {
		if err := tx.putSetting(settingsVersion, NewID()); err != nil { // who changes one stands in line
			return err
		}
		before, err := settingValue(tx.db, name)
		if err != nil {
			return err
		}
		if err := tx.AddAudit(by, "change_setting", name, cmp.Or(before, unset)+" → "+value); err != nil {
			return err
		}
		return tx.putSetting(name, value)
	})
}
