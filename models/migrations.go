package models

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-gormigrate/gormigrate/v2"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// migrations are the steps that make the tables. The list is only ever added to. Each step may
// have been cut off half-way and is right to run again. Steps add: a table, a column, an index;
// an older binary goes on working on the newer tables.
var migrations = []*gormigrate.Migration{
	step("001_products", `CREATE TABLE IF NOT EXISTS products (
		id varchar(36) PRIMARY KEY,
		slug varchar(100) NOT NULL,
		name varchar(200) NOT NULL,
		description text NOT NULL,
		image varchar(200) NOT NULL,
		position bigint NOT NULL,
		active boolean NOT NULL,
		created_at TIME NOT NULL,
		updated_at TIME NOT NULL,
		CONSTRAINT products_slug UNIQUE (slug)
	)`),
	step("002_variants", `CREATE TABLE IF NOT EXISTS variants (
		id varchar(36) PRIMARY KEY,
		product_id varchar(36) NOT NULL,
		sku varchar(64) NOT NULL,
		options varchar(200) NOT NULL,
		price bigint NOT NULL CHECK (price > 0),
		counted boolean NOT NULL,
		on_hand bigint NOT NULL CHECK (on_hand >= 0),
		reserved bigint NOT NULL CHECK (reserved >= 0),
		digital boolean NOT NULL,
		delivery text NOT NULL,
		image varchar(200) NOT NULL,
		position bigint NOT NULL,
		active boolean NOT NULL,
		created_at TIME NOT NULL,
		updated_at TIME NOT NULL,
		FOREIGN KEY (product_id) REFERENCES products(id),
		CONSTRAINT variants_sku UNIQUE (sku)
	)`, index("variants", "variants_product", "product_id, position")),
	step("003_orders", `CREATE TABLE IF NOT EXISTS orders (
		id varchar(36) PRIMARY KEY,
		number varchar(32) NOT NULL,
		token varchar(64) NOT NULL,
		form_token varchar(64) NOT NULL,
		status varchar(16) NOT NULL,
		currency varchar(3) NOT NULL,
		goods bigint NOT NULL,
		shipping bigint NOT NULL,
		amount bigint NOT NULL CHECK (amount > 0),
		name varchar(200) NOT NULL,
		email varchar(254) NOT NULL,
		phone varchar(40) NOT NULL,
		address varchar(500) NOT NULL,
		city varchar(200) NOT NULL,
		region varchar(200) NOT NULL,
		postcode varchar(40) NOT NULL,
		country varchar(100) NOT NULL,
		note varchar(1000) NOT NULL,
		language varchar(16) NOT NULL,
		wallet varchar(16) NOT NULL,
		shipped boolean NOT NULL,
		customer_id varchar(64) NOT NULL,
		customer_since TIME NOT NULL,
		client_ip varchar(64) NOT NULL,
		evidence_seq bigint NOT NULL,
		evidence_hash varchar(64) NOT NULL,
		created_at TIME NOT NULL,
		updated_at TIME NOT NULL,
		expires_at TIME NOT NULL,
		paid_at TIME,
		payment_id varchar(36),
		CONSTRAINT orders_number UNIQUE (number),
		CONSTRAINT orders_token UNIQUE (token),
		CONSTRAINT orders_form_token UNIQUE (form_token)
	)`, index("orders", "orders_due", "status, expires_at")),
	step("004_order_items", `CREATE TABLE IF NOT EXISTS order_items (
		id varchar(36) PRIMARY KEY,
		order_id varchar(36) NOT NULL,
		variant_id varchar(36) NOT NULL,
		sku varchar(64) NOT NULL,
		name varchar(200) NOT NULL,
		options varchar(200) NOT NULL,
		image varchar(200) NOT NULL,
		price bigint NOT NULL,
		quantity bigint NOT NULL CHECK (quantity > 0),
		counted boolean NOT NULL,
		digital boolean NOT NULL,
		delivery text NOT NULL,
		position bigint NOT NULL,
		FOREIGN KEY (order_id) REFERENCES orders(id)
	)`, index("order_items", "order_items_order", "order_id, position")),
	step("005_payments", `CREATE TABLE IF NOT EXISTS payments (
		id varchar(36) PRIMARY KEY,
		order_id varchar(36) NOT NULL,
		number varchar(32) NOT NULL,
		gateway varchar(16) NOT NULL,
		method varchar(32) NOT NULL,
		reference varchar(64),
		wallet varchar(16) NOT NULL,
		scene varchar(16) NOT NULL,
		status varchar(16) NOT NULL,
		currency varchar(3) NOT NULL,
		amount bigint NOT NULL CHECK (amount > 0),
		live_order_id varchar(36),
		action varchar(16) NOT NULL,
		action_data MEDIUMTEXT NOT NULL,
		failure varchar(500) NOT NULL,
		created_at TIME NOT NULL,
		updated_at TIME NOT NULL,
		expires_at TIME NOT NULL,
		watch_until TIME NOT NULL,
		succeeded_at TIME,
		confirmed_at TIME,
		check_at TIME,
		checks bigint NOT NULL,
		FOREIGN KEY (order_id) REFERENCES orders(id),
		CONSTRAINT payments_number UNIQUE (number),
		CONSTRAINT payments_reference UNIQUE (gateway, reference),
		CONSTRAINT payments_live UNIQUE (live_order_id)
	)`, index("payments", "payments_order", "order_id, created_at"), index("payments", "payments_due", "check_at")),
	step("006_evidence", `CREATE TABLE IF NOT EXISTS evidence (
		id varchar(36) PRIMARY KEY,
		order_id varchar(36),
		payment_id varchar(36),
		gateway varchar(16) NOT NULL,
		direction varchar(16) NOT NULL,
		operation varchar(16) NOT NULL,
		request BLOB,
		response BLOB,
		verdict varchar(32) NOT NULL,
		rule varchar(200) NOT NULL,
		digest varchar(64) NOT NULL,
		seq bigint NOT NULL,
		prev_hash varchar(64) NOT NULL,
		hash varchar(64) NOT NULL,
		created_at TIME NOT NULL,
		CONSTRAINT evidence_chain UNIQUE (order_id, seq)
	)`, index("evidence", "evidence_digest", "payment_id, digest")),
	step("007_refunds", `CREATE TABLE IF NOT EXISTS refunds (
		id varchar(36) PRIMARY KEY,
		order_id varchar(36) NOT NULL,
		payment_id varchar(36) NOT NULL,
		number varchar(32) NOT NULL,
		status varchar(16) NOT NULL,
		currency varchar(3) NOT NULL,
		amount bigint NOT NULL CHECK (amount > 0),
		reason varchar(500) NOT NULL,
		failure varchar(500) NOT NULL,
		created_at TIME NOT NULL,
		updated_at TIME NOT NULL,
		succeeded_at TIME,
		check_at TIME,
		checks bigint NOT NULL,
		FOREIGN KEY (order_id) REFERENCES orders(id),
		FOREIGN KEY (payment_id) REFERENCES payments(id),
		CONSTRAINT refunds_number UNIQUE (number)
	)`, index("refunds", "refunds_order", "order_id, created_at"), index("refunds", "refunds_payment", "payment_id"), index("refunds", "refunds_due", "check_at")),
	step("008_incidents", `CREATE TABLE IF NOT EXISTS incidents (
		id varchar(36) PRIMARY KEY,
		kind varchar(32) NOT NULL,
		status varchar(16) NOT NULL,
		dedup_key varchar(190) NOT NULL,
		gateway varchar(16) NOT NULL,
		order_id varchar(36),
		payment_id varchar(36),
		number varchar(64) NOT NULL,
		currency varchar(16) NOT NULL,
		amount bigint NOT NULL,
		detail varchar(1000) NOT NULL,
		resolution varchar(1000) NOT NULL,
		count bigint NOT NULL,
		created_at TIME NOT NULL,
		updated_at TIME NOT NULL,
		resolved_at TIME,
		CONSTRAINT incidents_dedup UNIQUE (dedup_key)
	)`, index("incidents", "incidents_open", "status, created_at"), index("incidents", "incidents_order", "order_id, status")),
	step("009_sessions", `CREATE TABLE IF NOT EXISTS sessions (
		id_hash varchar(64) PRIMARY KEY,
		data BLOB NOT NULL,
		expires_at TIME NOT NULL
	)`, index("sessions", "sessions_expiry", "expires_at")),
	indexes("010_movements",
		index("payments", "payments_moved", "gateway, succeeded_at, id"), index("refunds", "refunds_moved", "succeeded_at, id")),
	indexes("011_unpaid", index("orders", "orders_visitor", "customer_id, status"), index("orders", "orders_address", "client_ip, status")),
	step("012_staff", `CREATE TABLE IF NOT EXISTS staff (
		id varchar(36) PRIMARY KEY,
		email varchar(254) NOT NULL,
		role varchar(16) NOT NULL,
		password_hash varchar(200) NOT NULL,
		totp varchar(200) NOT NULL,
		totp_new varchar(200) NOT NULL,
		totp_step bigint NOT NULL,
		last_login_at TIME,
		created_at TIME NOT NULL,
		updated_at TIME NOT NULL,
		disabled_at TIME,
		CONSTRAINT staff_email UNIQUE (email)
	)`),
	step("013_staff_sessions", `CREATE TABLE IF NOT EXISTS staff_sessions (
		id varchar(36) PRIMARY KEY,
		token_hash varchar(64) NOT NULL,
		staff_id varchar(36) NOT NULL,
		half boolean NOT NULL,
		proved_at TIME NOT NULL,
		seen_at TIME NOT NULL,
		expires_at TIME NOT NULL,
		address varchar(64) NOT NULL,
		agent varchar(300) NOT NULL,
		flash varchar(1000) NOT NULL,
		created_at TIME NOT NULL,
		FOREIGN KEY (staff_id) REFERENCES staff(id),
		CONSTRAINT staff_sessions_token UNIQUE (token_hash)
	)`, index("staff_sessions", "staff_sessions_staff", "staff_id, seen_at")),
	step("014_staff_links", `CREATE TABLE IF NOT EXISTS staff_links (
		token_hash varchar(64) PRIMARY KEY,
		staff_id varchar(36),
		created_at TIME NOT NULL,
		expires_at TIME NOT NULL,
		FOREIGN KEY (staff_id) REFERENCES staff(id)
	)`),
	step("015_recovery_codes", `CREATE TABLE IF NOT EXISTS recovery_codes (
		staff_id varchar(36) NOT NULL,
		code_hash varchar(64) NOT NULL,
		PRIMARY KEY (staff_id, code_hash),
		FOREIGN KEY (staff_id) REFERENCES staff(id)
	)`),
	step("016_login_tries", `CREATE TABLE IF NOT EXISTS login_tries (
		name varchar(100) PRIMARY KEY,
		full_at bigint NOT NULL
	)`),
	step("017_audit", `CREATE TABLE IF NOT EXISTS audit (
		id varchar(36) PRIMARY KEY,
		seq bigint NOT NULL,
		staff_id varchar(36),
		actor varchar(254) NOT NULL,
		address varchar(64) NOT NULL,
		action varchar(64) NOT NULL,
		subject varchar(254) NOT NULL,
		details varchar(1000) NOT NULL,
		prev_hash varchar(64) NOT NULL,
		hash varchar(64) NOT NULL,
		created_at TIME NOT NULL,
		CONSTRAINT audit_seq UNIQUE (seq)
	)`),
	step("018_audit_head", `CREATE TABLE IF NOT EXISTS audit_head (
		id bigint PRIMARY KEY,
		seq bigint NOT NULL,
		hash varchar(64) NOT NULL
	)`, putAuditHead),
	step("019_settings", `CREATE TABLE IF NOT EXISTS settings (
		name varchar(64) PRIMARY KEY,
		value MEDIUMTEXT NOT NULL,
		updated_at TIME NOT NULL
	)`),
	columns("020_order_ways",
		column("orders", "gateway", "varchar(16) NOT NULL DEFAULT ''"),
		column("orders", "fulfilled_at", "TIME"),
		column("orders", "carrier", "varchar(100) NOT NULL DEFAULT ''"),
		column("orders", "tracking", "varchar(100) NOT NULL DEFAULT ''")),
	step("021_order_terms", `CREATE TABLE IF NOT EXISTS order_terms (
		term varchar(64) NOT NULL,
		created_at TIME NOT NULL,
		order_id varchar(36) NOT NULL,
		PRIMARY KEY (term, created_at, order_id)
	) CLUSTERED`, backfillTerms),
	indexes("022_order_lists",
		index("orders", "orders_newest", "created_at, id"),
		index("orders", "orders_by_status", "status, created_at, id"),
		index("orders", "orders_by_wallet", "wallet, created_at, id"),
		index("orders", "orders_by_gateway", "gateway, created_at, id")),
	indexes("023_attention",
		index("payments", "payments_confirming", "status, confirmed_at, succeeded_at"),
		index("refunds", "refunds_waiting", "status, created_at")),
	indexes("024_lone_evidence", index("evidence", "evidence_alone", "order_id, id")),
	indexes("035_paid_orders", index("orders", "orders_paid", "paid_at, id, currency")),
	step("036_day_figures", `CREATE TABLE IF NOT EXISTS day_figures (
		begins_at TIME NOT NULL,
		ends_at TIME NOT NULL,
		figures MEDIUMTEXT NOT NULL,
		PRIMARY KEY (begins_at, ends_at)
	) CLUSTERED`),
	step("045_mails", `CREATE TABLE IF NOT EXISTS mails (
		id varchar(36) PRIMARY KEY,
		order_id varchar(36) NOT NULL,
		kind varchar(16) NOT NULL,
		refund_id varchar(36) NOT NULL,
		copy bigint NOT NULL,
		status varchar(16) NOT NULL,
		tries bigint NOT NULL,
		try_at TIME,
		failure varchar(500) NOT NULL,
		created_at TIME NOT NULL,
		updated_at TIME NOT NULL,
		sent_at TIME,
		FOREIGN KEY (order_id) REFERENCES orders(id),
		CONSTRAINT mails_once UNIQUE (order_id, kind, refund_id, copy)
	)`, index("mails", "mails_due", "try_at"), index("mails", "mails_status", "status, created_at")),
	columns("042_product_texts", column("products", "texts", "mediumtext")),
	columns("043_seen_names",
		column("order_items", "seen_name", "varchar(200) NOT NULL DEFAULT ''"),
		column("order_items", "seen_language", "varchar(16) NOT NULL DEFAULT ''")),
	indexes("038_gateway_evidence", index("evidence", "evidence_gateway", "gateway, direction, verdict, created_at")),
	step("030_stock_moves", `CREATE TABLE IF NOT EXISTS stock_moves (
		id varchar(36) PRIMARY KEY,
		variant_id varchar(36) NOT NULL,
		kind varchar(16) NOT NULL,
		delta bigint NOT NULL,
		shelf bigint NOT NULL,
		reason varchar(200) NOT NULL,
		actor varchar(254) NOT NULL,
		created_at TIME NOT NULL,
		FOREIGN KEY (variant_id) REFERENCES variants(id)
	)`, index("stock_moves", "stock_moves_variant", "variant_id, created_at, id")),
	indexes("031_display", index("products", "products_display", "position, id")),
	step("032_pictures", `CREATE TABLE IF NOT EXISTS pictures (
		hash varchar(64) NOT NULL,
		width bigint NOT NULL,
		height bigint NOT NULL,
		body BLOB NOT NULL,
		created_at TIME NOT NULL,
		PRIMARY KEY (hash, width)
	)`),
	step("050_former_skus", `CREATE TABLE IF NOT EXISTS former_skus (
		sku varchar(64) PRIMARY KEY,
		variant_id varchar(36) NOT NULL,
		created_at TIME NOT NULL,
		FOREIGN KEY (variant_id) REFERENCES variants(id)
	)`),
	columns("051_incident_cause", column("incidents", "cause", "varchar(16) NOT NULL DEFAULT ''")),
	columns("060_stuck_refunds", column("incidents", "refund_id", "varchar(36)"), index("incidents", "incidents_refund", "refund_id, status")),
	columns("061_decided_refunds", column("refunds", "decided_by", "varchar(254) NOT NULL DEFAULT ''")),
	columns("062_written_off", column("payments", "written_off_at", "TIME")),
	columns("063_refunds_of_pieces",
		column("refunds", "shipping", "boolean NOT NULL DEFAULT FALSE"),
		column("refunds", "restock_by", "varchar(254) NOT NULL DEFAULT ''")),
	step("064_refund_items", `CREATE TABLE IF NOT EXISTS refund_items (
		refund_id varchar(36) NOT NULL,
		item_id varchar(36) NOT NULL,
		quantity bigint NOT NULL CHECK (quantity > 0),
		PRIMARY KEY (refund_id, item_id),
		FOREIGN KEY (refund_id) REFERENCES refunds(id)
	)`),
	step("065_former_names", `CREATE TABLE IF NOT EXISTS former_names (
		variant_id varchar(36) NOT NULL,
		name varchar(200) NOT NULL,
		created_at TIME NOT NULL,
		PRIMARY KEY (variant_id, name),
		FOREIGN KEY (variant_id) REFERENCES variants(id)
	)`, backfillNames),
	indexes("066_refunded_orders", backfillRefunded),
	columns("067_settled_incidents", column("incidents", "resolved_by", "varchar(254) NOT NULL DEFAULT ''")),
	columns("068_expired_orders", column("orders", "expired_at", "TIME"), func(db *gorm.DB) error {
		return db.Exec("UPDATE orders SET expired_at = expires_at WHERE status = ? AND expired_at IS NULL", OrderExpired).Error
	}),
	columns("069_option_texts",
		column("variants", "option_texts", "mediumtext"),
		column("order_items", "seen_options", "varchar(200) NOT NULL DEFAULT ''")),
}

// step is a migration of one table and its indexes. The type words TIME, BLOB and MEDIUMTEXT stand
// for what the database calls them, and CLUSTERED for rows that lie in the order of their primary key,
// as they always do in MySQL.
func step(id, createTable string, indexes ...func(*gorm.DB) error) *gormigrate.Migration {
	return &gormigrate.Migration{ID: id, Migrate: func(db *gorm.DB) error {
		words := strings.NewReplacer(" TIME", " datetime", " MEDIUMTEXT", " text", " CLUSTERED", " WITHOUT ROWID")
		options := ""
		if db.Name() == DriverMySQL {
			words = strings.NewReplacer(" TIME", " datetime(3)", " BLOB", " mediumblob", " MEDIUMTEXT", " mediumtext", " CLUSTERED", "")
			options = " DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
		}
		if err := db.Exec(words.Replace(createTable) + options).Error; err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		return createAll(db, id, indexes)
	}}
}

// indexes is a migration that adds indexes to tables that are there.
func indexes(id string, indexes ...func(*gorm.DB) error) *gormigrate.Migration {
	return &gormigrate.Migration{ID: id, Migrate: func(db *gorm.DB) error { return createAll(db, id, indexes) }}
}

func createAll(db *gorm.DB, id string, indexes []func(*gorm.DB) error) error {
	for _, create := range indexes {
		if err := create(db); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
	}
	KillPoint("migration.step") // made, and not yet noted as made
	return nil
}

// columns is a migration that adds columns to tables that are there. One that is not null has a
// default, since an older binary writes rows without it.
func columns(id string, columns ...func(*gorm.DB) error) *gormigrate.Migration {
	return &gormigrate.Migration{ID: id, Migrate: func(db *gorm.DB) error { return createAll(db, id, columns) }}
}

// column adds a column unless it is there. The type word TIME stands for what the database calls it.
func column(table, name, definition string) func(*gorm.DB) error {
	return func(db *gorm.DB) error {
		if db.Migrator().HasColumn(table, name) {
			return nil
		}
		moment := "datetime"
		if db.Name() == DriverMySQL {
			moment = "datetime(3)"
		}
		definition := strings.ReplaceAll(definition, "TIME", moment)
		return db.Exec(fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s", table, name, definition)).Error
	}
}

// index makes an index unless it is there.
func index(table, name, columns string) func(*gorm.DB) error {
	return func(db *gorm.DB) error {
		if db.Migrator().HasIndex(table, name) {
			return nil
		}
		return db.Exec(fmt.Sprintf("CREATE INDEX %s ON %s (%s)", name, table, columns)).Error
	}
}

// putAuditHead begins the audit log unless it has begun.
func putAuditHead(db *gorm.DB) error {
	return db.Clauses(clause.OnConflict{DoNothing: true}).Create(&auditHead{ID: 1}).Error
}

// migrate runs the steps that are missing. A lease keeps a second process that starts at the same
// time waiting. Steps that go through all orders take as long as there are orders.
func (s *Store) migrate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	release, err := s.lease(ctx, "migrations")
	if err != nil {
		return err
	}
	defer release()
	db := s.write.WithContext(ctx)
	return insist(ctx, func() error {
		return gormigrate.New(db, &gormigrate.Options{TableName: "migrations", IDColumnName: "id", IDColumnSize: 100}, migrations).Migrate()
	})
}

// insist runs what may meet a busy database, and is right to run again, until it does not.
func insist(ctx context.Context, do func() error) error {
	for {
		err := do()
		if !retryable(err) {
			return err
		}
		select {
		case <-time.After(leaseLook):
		case <-ctx.Done():
			return err
		}
	}
}

// Lease times. A holder renews far more often than anybody takes a lease over.
const (
	leaseRenew = 3 * time.Second
	leaseStale = 15 * time.Second
	leaseLook  = 50 * time.Millisecond // how often one who waits looks
)

// lease waits for the named lease, keeps it renewed, and returns the function that gives it back.
// A lease is a value in a row, moved by compare-and-set. Whoever waits takes it over when the value
// has stood still for leaseStale on its own clock, so that clocks need not agree.
func (s *Store) lease(ctx context.Context, name string) (release func(), err error) {
	db := s.write.WithContext(ctx)
	if err := insist(ctx, func() error { return makeLease(db, name) }); err != nil {
		return nil, err
	}
	mine := NewID()
	var last string
	since := time.Now()
	look := func() (taken bool, err error) {
		var value string
		if err := db.Raw("SELECT value FROM leases WHERE name = ?", name).Scan(&value).Error; err != nil {
			return false, err
		}
		if value != last {
			last, since = value, time.Now()
		}
		if value == mine || value != "" && time.Since(since) <= leaseStale {
			return value == mine, nil // ours when an answer was lost
		}
		set := db.Exec("UPDATE leases SET value = ? WHERE name = ? AND value = ?", mine, name, value)
		return set.RowsAffected == 1, set.Error
	}
	for {
		taken, err := look()
		switch {
		case retryable(err): // the database is busy
		case err != nil:
			return nil, err
		case taken:
			return s.keepLease(name, mine), nil
		}
		select {
		case <-time.After(leaseLook):
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the lease %q: %w", name, ctx.Err())
		}
	}
}

// makeLease makes the row of the lease, if it is not there.
func makeLease(db *gorm.DB, name string) error {
	err := db.Exec("CREATE TABLE IF NOT EXISTS leases (name varchar(64) PRIMARY KEY, value varchar(64) NOT NULL)").Error
	if err != nil {
		return err
	}
	err = db.Exec("INSERT INTO leases (name, value) VALUES (?, '')", name).Error
	if errors.Is(translate(db, err), gorm.ErrDuplicatedKey) {
		return nil
	}
	return err
}

// keepLease renews the lease until the returned function gives it back.
func (s *Store) keepLease(name, value string) (release func()) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	move := func(to string) {
		ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
		defer cancel()
		if s.write.WithContext(ctx).Exec("UPDATE leases SET value = ? WHERE name = ? AND value = ?", to, name, value).Error == nil {
			value = to
		}
	}
	go func() {
		defer close(stopped)
		tick := time.NewTicker(leaseRenew)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				move(NewID())
			case <-stop:
				move("")
				return
			}
		}
	}()
	return func() { close(stop); <-stopped }
}

// translate turns a database's own error into GORM's, for statements that GORM did not build.
func translate(db *gorm.DB, err error) error {
	if t, ok := db.Dialector.(gorm.ErrorTranslator); ok {
		return t.Translate(err)
	}
	return err
}
