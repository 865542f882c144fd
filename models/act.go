package models

// What named persons do to orders, as the order's chain of evidence and the audit log name it. None
// is longer than what the chain keeps of an operation.
const (
	ActCancel    = "cancel_order"
	ActFulfil    = "fulfil_order"
	ActTrack     = "track_order"
	ActMarkPaid  = "mark_paid"
	ActRevive    = "revive_order"
	ActRefund    = "refund_payment"
	ActEndRefund = "end_refund"
	ActRecord    = "record_refund"
	ActWriteOff  = "write_off"
	ActNote      = "add_note"
	ActResolve   = "resolve_incident"
	ActAsk       = "ask_gateways"
	ActTest      = "test_gateway"
	ActExport    = "export_orders"

	ActResendMail = "resend_mail"
	ActLeaveMail  = "leave_mail"
)

// What named persons do to goods, as the audit log names it.
const (
	ActAddProduct    = "add_product"
	ActChangeProduct = "change_product"
	ActMoveProduct   = "move_product"
	ActMoveVariant   = "move_variant"
	ActAddVariant    = "add_variant"
	ActChangeVariant = "change_variant"
	ActStock         = "change_stock"
	ActPicture       = "change_picture"
	ActImport        = "import_products"
	ActExportGoods   = "export_products"
)

// verdictDone is the verdict of an act: there is nothing to judge about it.
const verdictDone = "done"

// Act is something that a named person does to an order.
type Act struct {
	ID        string // of its entry in the chain, for an act that may be sent twice; empty: any
	By        Actor
	What      string  // one of the constants
	PaymentID *string // the payment that it is about, if it is about one
	Text      string  // the person's own words, and what else the person decided
}

// AddAct puts an act into the chain of a locked order and into the audit log, in the transaction that
// does it. Like a message it is only ever added, and its text stands for ever.
func (tx *Tx) AddAct(o *Order, a Act) error {
	err := tx.AddEvidence(o, Evidence{
		ID: a.ID, PaymentID: a.PaymentID, Gateway: ByHand, Direction: ByStaff, Operation: a.What,
		Request: []byte(a.Text), Verdict: verdictDone, Rule: a.By.Name,
	})
	if err != nil {
		return err
	}
	return tx.AddAudit(a.By, a.What, o.Number, a.Text)
}

// Refusals of acts on orders.
var (
	// ErrOrderMoved: the order, or what the act is about, is not as the person saw it any more.
	ErrOrderMoved = &Error{Kind: Conflict, Key: "error.order_moved"}
	// ErrNotConfirmed: no message that is proof enough to hand goods over says that the order is paid.
	ErrNotConfirmed = &Error{Kind: Conflict, Key: "error.not_confirmed"}
	// ErrInConflict: the gateway says something else about the money than what was recorded.
	ErrInConflict       = &Error{Kind: Conflict, Key: "error.in_conflict"}
	ErrAllRefunded      = &Error{Kind: Conflict, Key: "error.all_refunded"}
	ErrReferenceUsed    = &Error{Kind: Invalid, Key: "error.reference_used", Field: "reference"}
	ErrIncidentNotFound = &Error{Kind: NotFound, Key: "error.incident_not_found"}
)
