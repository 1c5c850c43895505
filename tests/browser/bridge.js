/* Replaces navigator.bluetooth by one whose radio is in the test's process: behaves as Chromium's,
   refusals included (tests/browser/test_phone_gatt.py runs the same tests over both). */
(() => {
  const BASE = '-0000-1000-8000-00805f9b34fb';
  const uuidOf = (name) =>
    typeof name === 'number' ? name.toString(16).padStart(8, '0') + BASE : name.toLowerCase();
  /* From the Web Bluetooth registries: kept from pages. */
  const BLOCKED = new Set([uuidOf(0x2a25)]);
  const devices = new Map();
  const ask = async (what, ...more) => {
    const answer = await window.bluetoothRadio(what, ...more);
    if (answer.error) throw new DOMException(answer.error[1], answer.error[0]);
    return answer.value;
  };
  const gone = () =>
    new DOMException(
      'GATT Server is disconnected. Cannot perform GATT operations. (Re)connect first with `device.gatt.connect`.',
      'NetworkError',
    );
  const toView = (text) =>
    new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
  const toText = (value) => {
    const bytes = ArrayBuffer.isView(value)
      ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
      : new Uint8Array(value);
    return btoa(String.fromCharCode(...bytes));
  };

  class Characteristic extends EventTarget {
    #device;
    #life;
    oncharacteristicvaluechanged = null;
    value = null;

    constructor(device, service, { handle, uuid, properties }) {
      super();
      this.#device = device;
      this.#life = device.life;
      this.service = service;
      this.uuid = uuid;
      this.handle = handle;
      this.properties = {
        read: properties.includes('read'),
        write: properties.includes('write'),
        writeWithoutResponse: properties.includes('write-without-response'),
        notify: properties.includes('notify'),
        indicate: properties.includes('indicate'),
      };
    }

    async readValue() {
      this.#needs();
      const view = toView(await this.#call('read'));
      this.changed(view);
      return view;
    }

    async writeValueWithResponse(value) {
      this.#needs();
      await this.#call('write', toText(value));
    }

    async writeValueWithoutResponse(value) {
      this.#needs();
      await this.#call('write-without-response', toText(value));
    }

    async startNotifications() {
      this.#needs(this.properties.notify || this.properties.indicate);
      await this.#call('subscribe');
      return this;
    }

    changed(view) {
      this.value = view;
      const event = new Event('characteristicvaluechanged', { bubbles: true });
      this.dispatchEvent(event);
      this.oncharacteristicvaluechanged?.(event);
    }

    /* Chromium leaves it to the recorder whether it can be read and written. */
    #needs(able = true) {
      if (this.#device.life !== this.#life) {
        throw new DOMException('Characteristic is no longer valid.', 'InvalidStateError');
      }
      if (!this.#device.gatt.connected) throw gone();
      if (!able) throw new DOMException('GATT operation not supported.', 'NotSupportedError');
    }

    /* Android has room for one call of a device at a time. */
    async #call(...what) {
      if (this.#device.calling) {
        throw new DOMException('GATT operation already in progress.', 'NetworkError');
      }
      this.#device.calling = true;
      try {
        const answer = await ask('call', this.#device.id, this.handle, ...what);
        if (!this.#device.gatt.connected) throw gone();
        return answer;
      } finally {
        this.#device.calling = false;
      }
    }
  }

  class Server {
    connected = false;

    constructor(device) {
      this.device = device;
    }

    async connect() {
      const { device } = this;
      if (!this.connected) {
        device.found = await ask('connect', device.id);
        device.life += 1;
        device.characteristics = new Map();
        this.connected = true;
      }
      return this;
    }

    disconnect() {
      const { connected } = this;
      this.connected = false;
      ask('disconnect', this.device.id);
      if (connected) this.device.dispatchEvent(new Event('gattserverdisconnected'));
    }

    async getPrimaryServices() {
      if (!this.connected) throw gone();
      const { device } = this;
      const allowed = device.found.filter(({ uuid }) => device.allowed.has(uuid));
      if (allowed.length === 0) {
        throw new DOMException('No Services found in device.', 'NotFoundError');
      }
      return allowed.map((found) => this.#service(found));
    }

    async getPrimaryService(uuid) {
      if (!this.device.allowed.has(uuid)) {
        throw new DOMException('Origin is not allowed to access the service.', 'SecurityError');
      }
      const every = await this.getPrimaryServices();
      const one = every.find((each) => each.uuid === uuid);
      if (!one) throw new DOMException('No Services matching UUID found.', 'NotFoundError');
      return one;
    }

    #service(found) {
      const { device } = this;
      const service = { device, uuid: found.uuid, isPrimary: true };
      service.getCharacteristics = async () => {
        if (!this.connected) throw gone();
        const open = found.characteristics.filter(({ uuid }) => !BLOCKED.has(uuid));
        if (open.length === 0) {
          throw new DOMException('No Characteristics found in service.', 'NotFoundError');
        }
        return open.map((each) => {
          const made = new Characteristic(device, service, each);
          device.characteristics.set(each.handle, made);
          return made;
        });
      };
      return service;
    }
  }

  class Device extends EventTarget {
    life = 0;
    calling = false;
    characteristics = new Map();

    constructor({ id, name }, allowed) {
      super();
      Object.assign(this, { id, name, allowed, gatt: new Server(this) });
    }
  }

  const keep = (found, allowed) => {
    const known = devices.get(found.id) ?? new Device(found, allowed);
    devices.set(found.id, known);
    return known;
  };

  class Bluetooth extends EventTarget {
    getAvailability = () => ask('available');

    async requestDevice({ filters, optionalServices = [] }) {
      if (!navigator.userActivation.isActive) {
        throw new DOMException(
          "Failed to execute 'requestDevice' on 'Bluetooth': Must be handling a user gesture to show a permission request.",
          'SecurityError',
        );
      }
      const allowed = filters.flatMap(({ services = [] }) => services).concat(optionalServices);
      const found = await ask('choose', filters);
      const services = allowed.map(uuidOf);
      await ask('grant', found.id, services);
      return keep(found, new Set(services));
    }
  }

  const bluetooth = new Bluetooth();
  if (window.bluetoothRemembers) {
    bluetooth.getDevices = async () => {
      const known = await ask('granted');
      return known.map(([found, services]) => keep(found, new Set(services)));
    };
  }
  Object.defineProperty(navigator, 'bluetooth', { value: bluetooth, configurable: true });

  window.bluetoothHeard = (events) => {
    for (const [id, handle, value] of events) {
      const device = devices.get(id);
      if (handle === null) {
        if (device?.gatt.connected) {
          device.gatt.connected = false;
          device.dispatchEvent(new Event('gattserverdisconnected'));
        }
      } else if (device?.gatt.connected) {
        device.characteristics.get(handle)?.changed(toView(value));
      }
    }
  };
  ask('begin');
})();
