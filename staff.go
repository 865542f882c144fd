package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"saoma/internal/config"
	"saoma/models"
)

// staff does one of the commands about those who work at the merchant's desk.
func staff(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%w: admin create, admin list, or admin reset-password", errUsage)
	}
	command := args[0]
	flags := flag.NewFlagSet("admin "+command, flag.ContinueOnError)
	file := flags.String("config", "", "")
	email, role, dropTOTP := new(string), new(string), new(bool)
	switch command {
	case "list":
	case "create":
		email = flags.String("email", "", "")
		role = flags.String("role", string(models.RoleOwner), "")
	case "reset-password":
		email = flags.String("email", "", "")
		dropTOTP = flags.Bool("without-second-factor", false, "")
	default:
		return fmt.Errorf("%w: admin has no command %q", errUsage, command)
	}
	if _, err := parse(flags, args[1:], 0); err != nil {
		return err
	}
	if command != "list" && !strings.Contains(*email, "@") {
		return fmt.Errorf("%w: admin %s needs --email", errUsage, command)
	}
	if command == "create" && !models.Role(*role).Known() {
		return fmt.Errorf("%w: there is no role %q; there are %v", errUsage, *role, models.Roles())
	}
	c, err := config.Load(config.Source{File: *file, Builtin: builtinConfig, Environ: os.Environ()})
	if err != nil {
		return err
	}
	store, err := openStore(ctx, c, newLog(c.Log))
	if err != nil {
		return err
	}
	defer store.Close()
	switch command {
	case "create":
		return createStaff(ctx, store, c, *email, models.Role(*role))
	case "reset-password":
		return resetPassword(ctx, store, c, *email, *dropTOTP)
	default:
		return listStaff(ctx, store, os.Stdout)
	}
}

func createStaff(ctx context.Context, store *models.Store, c *config.Config, email string, role models.Role) error {
	hash, err := newPasswordHash(email, store.Settings().ShopName)
	if err != nil {
		return err
	}
	m, err := store.CreateStaff(ctx, models.CommandLine(), email, role, hash)
	if errors.Is(err, models.ErrStaffExists) {
		return fmt.Errorf("there is a member of staff with the address %s already", m.Email)
	}
	if err != nil {
		return err
	}
	fmt.Printf("%s can log in as %s: %s\n", m.Email, m.Role, deskAddress(c))
	return nil
}

func resetPassword(ctx context.Context, store *models.Store, c *config.Config, email string, dropTOTP bool) error {
	m, err := store.StaffByEmail(ctx, email)
	if errors.Is(err, models.ErrStaffNotFound) {
		return fmt.Errorf("there is no member of staff with the address %s", models.StaffEmail(email))
	}
	if err != nil {
		return err
	}
	hash, err := newPasswordHash(m.Email, store.Settings().ShopName)
	if err != nil {
		return err
	}
	if err := store.SetPassword(ctx, models.CommandLine(), m.ID, hash, ""); err != nil {
		return err
	}
	if dropTOTP {
		if err := store.RemoveTOTP(ctx, models.CommandLine(), m.ID); err != nil {
			return err
		}
	}
	fmt.Printf("%s has a new password. All sessions of this person have ended.\n", m.Email)
	return nil
}

func listStaff(ctx context.Context, store *models.Store, w io.Writer) error {
	all, err := store.AllStaff(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "EMAIL\tROLE\tSTATE\tSECOND FACTOR\tLAST LOGIN")
	for _, m := range all {
		state, second, last := "active", "no", "never"
		if m.Invited() {
			state = "invited"
		}
		if m.DisabledAt != nil {
			state = "disabled"
		}
		if m.HasTOTP() {
			second = "yes"
		}
		if m.LastLoginAt != nil {
			last = m.LastLoginAt.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", m.Email, m.Role, state, second, last)
	}
	return table.Flush()
}

// newPasswordHash reads a new password and returns what is kept of it.
func newPasswordHash(email, shopName string) (string, error) {
	password, err := readPassword(os.Stdin)
	if err != nil {
		return "", err
	}
	err = models.CheckPassword(password, email, shopName)
	for refusal, sentence := range map[*models.Error]string{
		models.ErrPasswordShort:  fmt.Sprintf("a password has at least %d characters", models.MinPassword),
		models.ErrPasswordLong:   fmt.Sprintf("a password has at most %d characters", models.MaxPassword),
		models.ErrPasswordCommon: "this password would soon be guessed: use more words, or rarer ones",
	} {
		if errors.Is(err, refusal) {
			return "", errors.New(sentence)
		}
	}
	if err != nil {
		return "", err
	}
	return models.HashPassword(password)
}

// readPassword asks twice at a terminal, without showing what is typed, and takes the first line of
// anything else.
func readPassword(in *os.File) (string, error) {
	fd := int(in.Fd())
	if !term.IsTerminal(fd) {
		line, err := bufio.NewReader(in).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read the password: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	var typed [2]string
	for i, question := range []string{"New password: ", "Once more: "} {
		fmt.Fprint(os.Stderr, question)
		line, err := term.ReadPassword(fd)
		fmt.Fprintln(os.Stderr)
		if err != nil {
			return "", fmt.Errorf("read the password: %w", err)
		}
		typed[i] = string(line)
	}
	if typed[0] != typed[1] {
		return "", errors.New("the two passwords are not the same")
	}
	return typed[0], nil
}

// deskAddress is where the merchant's desk is, as the machine itself reaches it when it has a listener
// of its own.
func deskAddress(c *config.Config) string {
	if c.AdminListen == "" {
		return c.PublicURL + "/admin"
	}
	host, port, err := net.SplitHostPort(c.AdminListen)
	if err != nil {
		return "http://" + c.AdminListen + "/admin"
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port) + "/admin"
}
