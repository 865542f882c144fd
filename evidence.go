package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"saoma/internal/config"
	"saoma/models"
	"saoma/payments"
)

// verify checks the evidence of all orders and the audit log, and prints a line for each place that is
// broken.
func verify(ctx context.Context, c *config.Config) error {
	store, err := openStore(ctx, c, newLog(c.Log))
	if err != nil {
		return err
	}
	defer store.Close()
	v, err := store.VerifyEvidence(ctx, func(broken error) { fmt.Println(broken) })
	if err != nil {
		return fmt.Errorf("verify the evidence: %w", err)
	}
	fmt.Printf("Checked %d orders and %d messages.\n", v.Orders, v.Messages)
	acts, err := store.VerifyAudit(ctx, func(broken error) {
		v.Broken++
		fmt.Println(broken)
	})
	if err != nil {
		return fmt.Errorf("verify the audit log: %w", err)
	}
	fmt.Printf("Checked %d acts of staff.\n", acts)
	if v.Broken > 0 {
		return fmt.Errorf("the evidence is broken in %d places", v.Broken)
	}
	return nil
}

// replay shows each message about an order with what was decided then and what would be now. It
// fails when a decision would be another.
func replay(ctx context.Context, c *config.Config, number string) error {
	return withService(ctx, c, func(service *payments.Service) error {
		messages, err := service.Replay(ctx, number)
		if errors.Is(err, models.ErrOrderNotFound) {
			return fmt.Errorf("there is no order %q", number)
		}
		if err != nil {
			return fmt.Errorf("replay order %s: %w", number, err)
		}
		if n := printReplay(os.Stdout, messages); n > 0 {
			return fmt.Errorf("order %s: decisions that would be others now: %d", number, n)
		}
		return nil
	})
}

// printReplay returns how many decisions differ.
func printReplay(w io.Writer, messages []payments.Replayed) (differ int) {
	unverifiable := 0
	for _, m := range messages {
		k := m.Kept
		fmt.Fprintf(w, "%3d  %s  %s  %s  %s\n", k.Seq, k.CreatedAt.UTC().Format(time.RFC3339), k.Gateway, k.Operation, m.Payment)
		fmt.Fprintf(w, "     then: %s (%s)\n", k.Verdict, k.Rule)
		switch {
		case m.Unverifiable:
			unverifiable++
			fmt.Fprintln(w, "     now:  not decided: it does not verify with the key that is configured now")
		case m.Verdict == "":
		case m.Differs:
			differ++
			fmt.Fprintf(w, "  !  now:  %s (%s)\n", m.Verdict, m.Rule)
		default:
			fmt.Fprintf(w, "     now:  %s (%s)\n", m.Verdict, m.Rule)
		}
	}
	fmt.Fprintf(w, "%d messages, %d decisions differ.\n", len(messages), differ)
	if unverifiable > 0 {
		fmt.Fprintf(w, "%d messages do not verify with the keys that are configured now. Were the keys changed since, that is as it\n"+
			"must be, and no difference: replay with the keys of that time to decide them again.\n", unverifiable)
	}
	return differ
}
